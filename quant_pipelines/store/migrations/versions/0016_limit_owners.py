"""Limits with their owner, reason, expiry, and the second person who loosened one."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
_TABLES = ("trading.risk_limits", "trading.strategy_quotas")
_COLUMNS = ("owner", "reason", "approved_by", "expires_at", "fallback")


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for table in _TABLES:
        for column in _COLUMNS:
            op.execute(f"alter table {table} drop column {column}")
