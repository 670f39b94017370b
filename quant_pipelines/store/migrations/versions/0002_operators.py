"""Approvals by two people, requested optimizations and the states of performance triggers."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for table in ("ops.approvals", "trading.trigger_states", "research.optimization_requests"):
        op.execute(f"drop table {table}")
