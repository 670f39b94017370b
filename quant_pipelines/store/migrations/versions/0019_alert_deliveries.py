"""Where alerts went, and who acknowledged them."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("drop table ops.alert_deliveries")
    op.execute("drop index ops.ix_alerts_source_at")
    for column in ("routed_at", "acknowledged_at", "acknowledged_by"):
        op.execute(f"alter table ops.alerts drop column {column}")
