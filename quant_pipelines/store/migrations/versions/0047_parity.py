"""Days of deployments beside their replays, and what explains each difference."""

from pathlib import Path

from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("parity_causes", schema="trading")
    op.drop_table("parity_days", schema="trading")
    op.execute("DROP FUNCTION trading.refuse_another_comparison")
