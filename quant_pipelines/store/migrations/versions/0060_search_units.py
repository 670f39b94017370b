"""Queue of what searches are made of: rounds, and units that workers lease."""

from pathlib import Path

from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("search_units", schema="research")
    op.drop_table("search_rounds", schema="research")
