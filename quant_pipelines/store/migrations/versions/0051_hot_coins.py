"""Hot coins: filters, weights and usefulness of the score, market cap, coins that leave."""

from pathlib import Path

from alembic import op

revision = "0051"
down_revision = "0050"

_TABLES = ("hot_usefulness", "hot_weights", "hot_exclusions", "circulating_supplies", "whitelist_exits")


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("drop trigger hot_scores_stay on market.hotlist")
    op.execute("drop function market.keep_hot_scores()")
    op.execute(
        "alter table market.whitelist drop column leaving_since, drop column leaving_by, "
        "drop column leaving_reason"
    )
    for name in _TABLES:
        op.drop_table(name, schema="market")
