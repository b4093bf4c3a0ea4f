"""what happened is counted"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
MINUTE = {"postgresql": "floor(extract(epoch from clock_timestamp()) / 60)", "sqlite": "(unixepoch() / 60)"}
SLOT = {"postgresql": "(pg_backend_pid() % 64)", "sqlite": "0"}


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


def downgrade() -> None:
    op.drop_table("tally")
