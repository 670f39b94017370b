"""When each unit was searched last, and how many symbols a tried strategy trades together."""

from pathlib import Path

from alembic import op

revision = "0035"
down_revision = "0032"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("searched_units", schema="research")
    op.drop_column("strategy_trials", "symbols", schema="research")
