"""Capital of deployments that trade changes; the runner pays it in or takes it out at a bar's close."""

from pathlib import Path

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("capital_changes", schema="trading")
    op.execute("drop function trading.refuse_change_of_capital()")
