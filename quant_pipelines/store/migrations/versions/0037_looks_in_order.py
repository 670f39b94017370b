"""Looks in order: none before the newest, each with the decision that it was taken by."""

from pathlib import Path

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Refuse: without its decision a look would be replayed by another one, and its error spent twice."""
    raise NotImplementedError("looks can't be taken back; restore a backup of before instead")
