"""Until when a culled deployment rests."""

from pathlib import Path

from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_constraint("ck_deployments_rests", "deployments", schema="trading", type_="check")
    op.drop_column("deployments", "rests_until", schema="trading")
