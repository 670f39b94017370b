"""Plans of the allocation: target against actual, with what decided each weight."""

from pathlib import Path

from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("allocation_rows", schema="trading")
    op.drop_table("allocation_plans", schema="trading")
    op.execute("drop function trading.refuse_change_of_plans()")
