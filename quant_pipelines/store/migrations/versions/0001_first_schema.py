"""First schema: market, research, trading and ops, as written in the SQL file beside this one."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for schema in ("trading", "research", "market"):
        op.execute(f"drop schema {schema} cascade")
    for table in ("alerts", "heartbeats", "audit_logs"):
        op.execute(f"drop table ops.{table}")
