"""Funds of accounts: balances and units, money that came or left, and each day beside the venue's wallet."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for name in ("wallet_days", "transfers", "balances"):
        op.execute(f"drop table trading.{name}")
