"""Day ends of books: what a day closed at, and how many of its bars held something."""

from pathlib import Path

from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("DROP TRIGGER equity_keep_days ON trading.equity")
    op.execute("DROP FUNCTION trading.keep_days()")
    op.execute("DROP FUNCTION trading.end_day(BIGINT, DATE)")
    op.execute("DROP FUNCTION trading.day_of(TIMESTAMP WITH TIME ZONE)")
    op.drop_table("equity_days", schema="trading")
