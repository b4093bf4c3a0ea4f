"""reports of abuse"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "abuse_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_key", KEY, nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("reporter", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("received_from", sa.String(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_key"),
    )
    op.create_index("ix_abuse_report_received", "abuse_report", ["received_at", "id"], unique=False)
    _create_partial("ix_abuse_report_nobodys", ["received_at", "id"], "account_id IS NULL")
    _create_partial("ix_abuse_report_account", ["account_id", "received_at"], "account_id IS NOT NULL")
    _create_partial("ix_abuse_report_source", ["received_at"], "raw IS NOT NULL")


def _create_partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "abuse_report", columns, unique=False, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    op.drop_table("abuse_report")
