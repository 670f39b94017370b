"""Backtests that were run, and the time at which a person went back to an earlier verdict."""

from pathlib import Path

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("drop table research.backtests")
    op.execute("alter table research.verdicts drop column reinstated_at")
