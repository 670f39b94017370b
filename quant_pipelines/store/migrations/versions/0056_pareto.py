"""Drawdown of every trial, of which the Pareto front of a search is made."""

from pathlib import Path

from alembic import op

revision = "0056"
down_revision = "0052"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_column("trials", "drawdown", schema="research")
