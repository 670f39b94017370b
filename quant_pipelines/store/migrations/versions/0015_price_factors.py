"""Factors of prices at redenominations and splits, and findings that a person accepted."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("drop table market.price_factors")
    op.execute("alter table market.data_findings drop column accepted_at")
