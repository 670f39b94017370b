"""Challengers: new parameters or versions of what trades, tried beside it for its place."""

from pathlib import Path

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_table("challenges", schema="trading")
    op.drop_index("uq_deployments_challenger", "deployments", schema="trading")
    op.drop_index("uq_deployments_traded", "deployments", schema="trading")
    op.drop_column("deployments", "challenges", schema="trading")
    op.execute(
        "create unique index uq_deployments_traded on trading.deployments (strategy, exchange, symbol, "
        "timeframe) where stage in ('paper', 'shadow', 'canary', 'live')"
    )
