"""Legs of instrument sets: each is a deployment with a book of its own, whose stage is that of its set."""

from pathlib import Path

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_constraint("ck_deployments_leg", "deployments", schema="trading", type_="check")
    op.drop_column("deployments", "set_id", schema="trading")
    op.alter_column("deployments", "stage", schema="trading", nullable=False)
