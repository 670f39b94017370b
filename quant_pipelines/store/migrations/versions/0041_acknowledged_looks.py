"""Looks that are acknowledged not to be what they were; splits of combinatorial studies one by one."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0038"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Refuse: without it days that nobody can vouch for would be tested again."""
    raise NotImplementedError("what was acknowledged can't be taken back; restore a backup of before instead")
