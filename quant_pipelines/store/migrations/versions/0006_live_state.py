"""Live state and events where Redis is away."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for table in ("ops.bus_events", "ops.live_state"):
        op.execute(f"drop table {table}")
