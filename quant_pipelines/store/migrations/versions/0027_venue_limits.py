"""What a venue takes of a symbol as of a time, its maintenance brackets with it."""

from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0023"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("drop table market.venue_limits")
