"""Variables of the environment that hold secrets, and who may see them."""

MASTER_VARIABLES = frozenset({"QUANT_MASTER_KEY", "QUANT_MASTER_KEY_NEXT"})
"""Open what is sealed."""
SECRET_VARIABLES = frozenset({"QUANT_API_KEY", "QUANT_API_SECRET"}) | MASTER_VARIABLES
"""Secrets are never settings; only the processes that need them see these."""
TOKEN_VARIABLE = "QUANT_GATEWAY_TOKEN"  # noqa: S105 - a name
"""Token with which an assistant's server asks the gateway."""
CHANNELS_VARIABLE = "QUANT_ALERTS__CHANNELS"
"""The one setting that holds secrets; only the process that sends alerts sees it."""
BOT_VARIABLE = "QUANT_TELEGRAM_TOKEN"
"""Token of the Telegram bot, which alone makes the desk start; only the desk sees it."""
VAULT_VARIABLES = SECRET_VARIABLES | {CHANNELS_VARIABLE, BOT_VARIABLE}
"""What a Vault may hold in place of the environment."""
PRIVATE_VARIABLES = SECRET_VARIABLES | {TOKEN_VARIABLE, CHANNELS_VARIABLE, BOT_VARIABLE}
"""What no process inherits from another; who needs one of them is given it."""
