"""Days before a symbol was listed, what each earned until 08:00, and studies of many paths."""

from pathlib import Path

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("combinatorial_studies", schema="research")
    for name in ("is_listed", "return_until_0800"):
        op.drop_column("record_days", name, schema="research")
