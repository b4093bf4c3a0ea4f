"""tickets"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("department", KEY, nullable=False),
        sa.Column("priority", KEY, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("incident", JSON, nullable=True),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("promise_minutes", sa.Integer(), nullable=False),
        sa.Column("promised_at", MOMENT, nullable=False),
        sa.Column("first_response_at", MOMENT, nullable=True),
        sa.Column("warned_at", MOMENT, nullable=True),
        sa.Column("breached_at", MOMENT, nullable=True),
        sa.Column("alert_at", MOMENT, nullable=True),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("waiting_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_ticket_account", "ticket", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_created", "ticket", ["created_at", "id"], unique=False)
    op.create_index("ix_ticket_updated", "ticket", ["status", "updated_at", "id"], unique=False)
    _create_partial("ix_ticket_queue", "ticket", ["rank", "waiting_at", "id"], "rank < 6")
    _create_partial("ix_ticket_alert", "ticket", ["alert_at"], "alert_at IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE ticket_number_seq OWNED BY ticket.number")
    op.create_table(
        "ticket_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author", KEY, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("via", KEY, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ticket_message_ticket", "ticket_message", ["ticket_id", "id"], unique=False)
    op.create_table(
        "ticket_file",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["ticket_message.id"]),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"]),
        sa.PrimaryKeyConstraint("message_id", "file_id"),
    )
    op.create_index(op.f("ix_ticket_file_file_id"), "ticket_file", ["file_id"], unique=False)
    op.create_table(
        "ticket_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author", KEY, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("field", KEY, nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ticket_change_ticket", "ticket_change", ["ticket_id", "id"], unique=False)


def _create_partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, unique=False, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    for table in ("ticket_change", "ticket_file", "ticket_message", "ticket"):
        op.drop_table(table)
