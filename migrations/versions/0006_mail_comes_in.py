"""mail comes in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "incoming_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rcpt", sa.String(), nullable=False),
        sa.Column("mail_from", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("outcome", KEY, nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_incoming_mail_received", "incoming_mail", ["received_at", "id"], unique=False)
    op.create_index("ix_incoming_mail_outcome", "incoming_mail", ["outcome", "received_at", "id"], unique=False)
    waiting, about = sa.text("outcome IS NULL"), sa.text("delivery_id IS NOT NULL")
    op.create_index("ix_incoming_mail_waiting", "incoming_mail", ["due_at"], postgresql_where=waiting, sqlite_where=waiting)
    op.create_index("ix_incoming_mail_delivery", "incoming_mail", ["delivery_id"], postgresql_where=about, sqlite_where=about)
    op.add_column("mailbox", sa.Column("soft_bounces", JSON, nullable=False, server_default="[]"))
    op.add_column("relay_state", sa.Column("held_until", MOMENT, nullable=True))
    op.add_column("relay_state", sa.Column("held_reason", sa.String(), nullable=True))
    op.add_column("relay_state", sa.Column("recent", sa.String(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    for column in ("held_until", "held_reason", "recent"):
        op.drop_column("relay_state", column)
    op.drop_column("mailbox", "soft_bounces")
    op.drop_table("incoming_mail")
