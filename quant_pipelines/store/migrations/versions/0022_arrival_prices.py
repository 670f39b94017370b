"""What the price was when an order was wanted."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for name in ("arrival_price", "decision_price"):
        op.execute(f"alter table trading.intents drop column {name}")
