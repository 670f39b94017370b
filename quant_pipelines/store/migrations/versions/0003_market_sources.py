"""Mark and index prices, trades, order-book snapshots, and the request budget that all processes share."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for table in ("book_snapshots", "trades", "index_prices", "mark_prices"):
        op.execute(f"drop table market.{table}")
    op.execute("drop table ops.rate_budgets")
