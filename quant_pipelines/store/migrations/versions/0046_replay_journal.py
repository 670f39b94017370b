"""What a replay of a day needs: bars as the runner had them, and the state that each book began with."""

from pathlib import Path

from alembic import op

revision = "0046"
down_revision = "0044"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("DROP TRIGGER checkpoints_keep_opening ON trading.checkpoints")
    op.execute("DROP FUNCTION trading.keep_opening")
    op.drop_table("book_openings", schema="trading")
    for name in ("open", "high", "low", "volume", "mark", "slots", "booked_at"):
        op.drop_column("equity", name, schema="trading")
