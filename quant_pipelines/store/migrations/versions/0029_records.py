"""Records: out-of-sample days belong to a procedure, not to one night's search, and never change."""

from pathlib import Path

from alembic import op

revision = "0029"
down_revision = "0027"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Days of several searches in one record have no place in the older tables."""
    raise NotImplementedError("records can't be taken apart; restore a backup of before instead")
