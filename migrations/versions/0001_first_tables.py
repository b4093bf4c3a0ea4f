"""first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# An entry of the audit log can be neither changed nor deleted, whoever asks.
APPEND_ONLY = {
    "postgresql": (
        """
        CREATE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
        """,
        """
        CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_append_only()
        """,
    ),
    "sqlite": (
        """
        CREATE TRIGGER audit_entry_is_not_changed BEFORE UPDATE ON audit_entry
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
        """
        CREATE TRIGGER audit_entry_is_not_deleted BEFORE DELETE ON audit_entry
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
    ),
}
APPEND_ONLY_OFF = {
    "postgresql": ("DROP TRIGGER audit_entry_is_append_only ON audit_entry", "DROP FUNCTION audit_entry_is_append_only"),
    "sqlite": ("DROP TRIGGER audit_entry_is_not_changed", "DROP TRIGGER audit_entry_is_not_deleted"),
}


def upgrade() -> None:
    op.create_table(
        "announcement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("impact", sa.String(), nullable=True),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("audience", JSON, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_announcement_created", "announcement", ["created_at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_entry_account", "audit_entry", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_audit_entry_subject",
        "audit_entry",
        ["subject", "id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NULL"),
        sqlite_where=sa.text("account_id IS NULL"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("channel", KEY, nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("rule", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("queued_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("send_before", MOMENT, nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", JSON, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("notification_id", "channel", "mailbox_id", name="uq_delivery_once"),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["lane", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_delivery_leased",
        "delivery",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
        sqlite_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_delivery_mailbox",
        "delivery",
        ["mailbox_id", "id"],
        unique=False,
        postgresql_where=sa.text("mailbox_id > 0"),
        sqlite_where=sa.text("mailbox_id > 0"),
    )
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", JSON, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("actor", "key"),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "mailbox",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="ok", nullable=False),
        sa.Column("status_reason", sa.String(), nullable=True),
        sa.Column("status_at", MOMENT, nullable=True),
        sa.Column("usable_since", MOMENT, nullable=True),
        sa.Column("blocked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.Column("source_ref", KEY, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("recipient_key", KEY, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("inbox_rule", sa.SmallInteger(), nullable=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("category", KEY, nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("services", JSON, nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("archived_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "source_ref", "revision", "recipient_key", name="uq_notification_once"),
    )
    op.create_index(
        "ix_notification_inbox",
        "notification",
        ["account_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("inbox_rule IS NOT NULL"),
        sqlite_where=sa.text("inbox_rule IS NOT NULL"),
    )
    op.create_table(
        "relay_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("rate_used_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "account",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("registered_mailbox_id", BIG_ID, nullable=True),
        sa.Column("previous_registered_mailbox_id", BIG_ID, nullable=True),
        sa.Column("registered_changed_at", MOMENT, nullable=True),
        sa.Column("muted", JSON, nullable=False),
        sa.Column("synced", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("erased_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["previous_registered_mailbox_id"],
            ["mailbox.id"],
        ),
        sa.ForeignKeyConstraint(
            ["registered_mailbox_id"],
            ["mailbox.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("external_id"),
    )
    op.create_index(
        "ix_account_previous_registered_mailbox",
        "account",
        ["previous_registered_mailbox_id"],
        unique=False,
        postgresql_where=sa.text("previous_registered_mailbox_id IS NOT NULL"),
        sqlite_where=sa.text("previous_registered_mailbox_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_account_registered_mailbox_id"), "account", ["registered_mailbox_id"], unique=False)
    op.create_table(
        "revision",
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("impact", sa.String(), nullable=True),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("audience", JSON, nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("last_account_id", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("fanned_out", sa.Integer(), nullable=False),
        sa.Column("fanned_out_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcement.id"],
        ),
        sa.PrimaryKeyConstraint("announcement_id", "number"),
    )
    op.create_index(
        "ix_revision_unfinished",
        "revision",
        ["published_at"],
        unique=False,
        postgresql_where=sa.text("fanned_out_at IS NULL"),
        sqlite_where=sa.text("fanned_out_at IS NULL"),
    )
    op.create_table(
        "confirmation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["mailbox_id"],
            ["mailbox.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_confirmation_account", "confirmation", ["account_id", "created_at"], unique=False)
    op.create_index("ix_confirmation_mailbox", "confirmation", ["mailbox_id", "created_at"], unique=False)
    op.create_table(
        "delivery_address",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("usable_since", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "category", "mailbox_id"),
    )
    op.create_index("ix_delivery_address_mailbox", "delivery_address", ["mailbox_id", "account_id"], unique=False)
    op.create_table(
        "service",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("product", KEY, nullable=False),
        sa.Column("location", KEY, nullable=False),
        sa.Column("node", KEY, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "order_number", name="uq_service_account_order"),
    )
    op.create_index("ix_service_location", "service", ["location", "account_id"], unique=False)
    op.create_index("ix_service_node", "service", ["node", "account_id"], unique=False)
    op.create_index("ix_service_order", "service", ["order_number", "account_id"], unique=False)
    op.create_table(
        "service_address",
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("network", sa.LargeBinary(length=16), nullable=False),
        sa.Column("prefix_length", sa.SmallInteger(), nullable=False),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("valid_to", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("service_id", "network", "prefix_length", "valid_from"),
    )
    op.create_index("ix_service_address_network", "service_address", ["network", "prefix_length"], unique=False)
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in APPEND_ONLY_OFF[op.get_bind().dialect.name]:
        op.execute(statement)
    for table in (
        "service_address",
        "service",
        "delivery_address",
        "confirmation",
        "revision",
        "account",
        "relay_state",
        "notification",
        "mailbox",
        "idempotency",
        "delivery",
        "audit_entry",
        "api_key",
        "announcement",
    ):
        op.drop_table(table)
