"""People with roles and one-time codes, and proposals that expire."""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0016"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("drop trigger known_people on ops.approvals")
    op.execute("drop function ops.require_known_people")
    op.execute("drop trigger codes_move_on on ops.users")
    op.execute("drop function ops.require_codes_move_on")
    op.execute("alter table ops.approvals drop column expires_at")
    op.execute("drop table ops.users")
