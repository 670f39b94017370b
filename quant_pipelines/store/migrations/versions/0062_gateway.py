"""Logins of browsers and programs, and the newest audit row of a subject by an index."""

from pathlib import Path

from alembic import op

revision = "0062"
down_revision = "0060"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.drop_index("ix_audit_logs_subject_id", table_name="audit_logs", schema="ops")
    op.drop_table("logins", schema="ops")
