"""Versions of the libraries that a search computes with, and since when a unit is found busy."""

from pathlib import Path

from alembic import op

revision = "0064"
down_revision = "0062"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_column("search_units", "busy_since", schema="research")
    op.drop_column("search_rounds", "libraries", schema="research")
