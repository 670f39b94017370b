"""Sealed API keys of accounts."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    for column in ("sealed_keys", "keys_fingerprint", "keys_changed_at"):
        op.execute(f"alter table trading.accounts drop column {column}")
