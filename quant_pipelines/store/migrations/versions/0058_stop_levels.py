"""Level of the stop at each bar's close."""

from pathlib import Path

from alembic import op

revision = "0058"
down_revision = "0056"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_column("equity", "stop_price", schema="trading")
