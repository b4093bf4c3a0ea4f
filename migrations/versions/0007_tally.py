"""what happened is counted; deliveries are found by lane"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
MINUTE = {"postgresql": "floor(extract(epoch from clock_timestamp()) / 60)", "sqlite": "(unixepoch() / 60)"}
SLOT = {"postgresql": "(pg_backend_pid() % 64)", "sqlite": "0"}
NOT_SENT = "state IN ('bounced', 'failed', 'skipped', 'cancelled', 'superseded')"


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.create_table(
        "tally",
        sa.Column("minute", sa.Integer(), autoincrement=False, server_default=sa.text(MINUTE[dialect]), nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("label", KEY, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, server_default=sa.text(SLOT[dialect]), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "name", "label", "slot"),
        postgresql_with={"fillfactor": 50},
    )
    _create_partial("ix_notification_lane", "notification", ["lane", "id"], "lane < 3 AND inbox_rule IS NOT NULL")
    _create_partial("ix_delivery_lane", "delivery", ["lane", "id"], "lane < 3")
    op.drop_index("ix_delivery_not_sent", "delivery")
    _create_partial("ix_delivery_not_sent", "delivery", ["state", "id", "lane"], NOT_SENT)


def _create_partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, unique=False, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    op.drop_index("ix_delivery_not_sent", "delivery")
    _create_partial("ix_delivery_not_sent", "delivery", ["state", "id"], NOT_SENT)
    op.drop_index("ix_delivery_lane", "delivery")
    op.drop_index("ix_notification_lane", "notification")
    op.drop_table("tally")
