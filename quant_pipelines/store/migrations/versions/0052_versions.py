"""Changes of the version or the parameters of what trades, and pins that forbid them."""

from pathlib import Path

from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("pins", schema="trading")
    op.drop_table("version_changes", schema="trading")
