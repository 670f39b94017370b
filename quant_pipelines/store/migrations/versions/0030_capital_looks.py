"""Looks: what the capital decision saw of all records at a week's end, and what a day's holding earned."""

from pathlib import Path

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Refuse: a look that is forgotten would be taken again, and spend its error twice."""
    raise NotImplementedError("looks can't be taken back; restore a backup of before instead")
