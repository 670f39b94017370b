"""Days of a record before its symbol was listed, and what each day earned until 08:00."""

from pathlib import Path

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for name in ("is_listed", "return_until_0800"):
        op.drop_column("record_days", name, schema="research")
