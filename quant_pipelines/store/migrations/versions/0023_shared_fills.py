"""Parts of one trade that several books share."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Fails while a trade is shared: its parts have no other place."""
    op.execute(
        "alter table trading.fills drop constraint pk_fills, add constraint pk_fills_whole "
        "primary key (venue, symbol, trade_id)"
    )
    op.execute("alter table trading.fills rename constraint pk_fills_whole to pk_fills")
    op.execute("alter table trading.fills drop column part")
