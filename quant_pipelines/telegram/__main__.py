"""Process of the Telegram desk: ``python -P -m quant_pipelines.telegram --home H --gateway URL``."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from quant_pipelines.core.chatters import chatters_of
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.secret_variables import BOT_VARIABLE
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.telemetry_settings import LogSettings
from quant_pipelines.settings import home_folder, settings_with_secrets
from quant_pipelines.stack.home import Home
from quant_pipelines.store.engine import connected
from quant_pipelines.telegram.bell import AlertBell, Bell
from quant_pipelines.telegram.bot_api import BotApi
from quant_pipelines.telegram.desk import TelegramDesk
from quant_pipelines.telegram.gateway_desk import GatewayDesk
from quant_pipelines.telegram.listening import Listening, ListeningRules
from quant_pipelines.telegram.taken import TakenUpdates
from quant_pipelines.telemetry.logs import write_logs


def main() -> int:
    """Listen until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Take commands from Telegram.")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--gateway", required=True, help="address of the gateway")
    given = parser.parse_args()
    write_logs(LogSettings())  # until the settings are read, which may fail
    try:
        settings = settings_with_secrets({BOT_VARIABLE})
        write_logs(settings.logs)
        _listen(settings, Home(given.home or home_folder()), given.gateway)
    except QuantError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the log's last line says why it did not start
        return 1
    return 0


def _listen(settings: Settings, home: Home, gateway: str) -> None:
    # Out of the environment, so that no child and no report of it has it.
    token = os.environ.pop(BOT_VARIABLE, "")
    if not token:
        raise ConfigurationError(f"{BOT_VARIABLE} is empty; expected the token that @BotFather gave")
    if not settings.database_url:
        raise ConfigurationError("QUANT_DATABASE_URL is empty; expected the URL of a PostgreSQL database")
    with connected(settings.database_url) as engine:
        bell = AlertBell(engine, system_clock_ms)
        asyncio.run(_serve(settings, home, BotApi(settings.telegram.api_url, token), gateway, bell))


async def _serve(settings: Settings, home: Home, bot: BotApi, gateway: str, bell: Bell) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    own, minutes = settings.telegram, settings.gateway.token_minutes
    async with bot, GatewayDesk(gateway, minutes) as opened:
        desk = TelegramDesk(opened, minutes, own.confirm_seconds, system_clock_ms)
        rules = ListeningRules(chatters_of(own.operators), own.oldest_seconds, system_clock_ms)
        taken = TakenUpdates(home.telegram_file)
        listening = Listening(bot, desk.answer, bell=bell, taken=taken, rules=rules)
        await listening.run(stopping)


if __name__ == "__main__":
    sys.exit(main())
