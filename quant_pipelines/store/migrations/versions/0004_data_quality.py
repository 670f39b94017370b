"""What the exchange confirmed of odd or missing bars, revisions of closed bars, and attempts at mending."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for table in ("market.bar_confirmations", "market.bar_revisions"):
        op.execute(f"drop table {table}")
    for column in ("attempts", "resolution"):
        op.execute(f"alter table market.data_findings drop column {column}")
