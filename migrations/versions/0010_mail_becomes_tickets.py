"""mail becomes tickets"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
DIGESTED, OF_A_CONTACT, BY_MAIL = (f"{column} IS NOT NULL" for column in ("digest", "contact_mailbox_id", "mail_id"))


def upgrade() -> None:
    op.add_column("incoming_mail", sa.Column("digest", sa.LargeBinary(32), nullable=True))
    op.add_column("incoming_mail", sa.Column("is_proven", sa.Boolean(), nullable=True))
    op.add_column("incoming_mail", sa.Column("ticket_id", sa.Uuid(), nullable=True))
    _create_partial("ix_incoming_mail_digest", "incoming_mail", ["digest"], DIGESTED)
    op.create_table(
        "held_mail",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["mail_id"], ["incoming_mail.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "mail_id"),
    )
    op.create_index(op.f("ix_held_mail_mail_id"), "held_mail", ["mail_id"], unique=False)
    # SQLite adds no foreign key to a table that is there, short of making it anew
    op.add_column("ticket", sa.Column("contact_mailbox_id", sa.BigInteger(), nullable=True))
    op.add_column("ticket", sa.Column("contact_name", sa.String(), nullable=True))
    op.add_column("ticket", sa.Column("seems_urgent", sa.Boolean(), nullable=False, server_default=sa.false()))
    _create_partial("ix_ticket_contact", "ticket", ["contact_mailbox_id", "created_at"], OF_A_CONTACT)
    op.add_column("ticket_message", sa.Column("mail_id", sa.Uuid(), nullable=True))
    op.add_column("ticket_message", sa.Column("left_out", JSON, nullable=False, server_default="[]"))
    _create_partial("ix_ticket_message_mail", "ticket_message", ["mail_id"], BY_MAIL, unique=True)


def _create_partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


ADDED = {
    "ticket_message": ("left_out", "mail_id"),
    "ticket": ("seems_urgent", "contact_name", "contact_mailbox_id"),
    "incoming_mail": ("ticket_id", "is_proven", "digest"),
}


def downgrade() -> None:
    op.drop_table("held_mail")
    for index, table in (("message_mail", "ticket_message"), ("contact", "ticket")):
        op.drop_index(f"ix_ticket_{index}", table)
    op.drop_index("ix_incoming_mail_digest", "incoming_mail")
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column)
