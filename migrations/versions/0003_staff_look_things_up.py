"""staff look things up"""

import sqlalchemy as sa
from alembic import op

from notifyhub.words import folded

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
BATCH = 10_000
NOT_SENT = "state IN ('bounced', 'failed', 'skipped', 'cancelled', 'superseded')"
DOMAIN = {"postgresql": "split_part(key, '@', 2)", "sqlite": "substr(key, instr(key, '@') + 1)"}
AUDIT = {"ix_audit_entry_at": ["at", "id"], "ix_audit_entry_actor": ["actor", "at", "id"], "ix_audit_entry_action": ["action", "at", "id"]}


def upgrade() -> None:
    op.add_column("account", sa.Column("name_key", KEY, nullable=False, server_default=sa.text("''")))
    _fold_names(op.get_bind())
    op.create_index("ix_mailbox_domain", "mailbox", [sa.text(DOMAIN[op.get_bind().dialect.name])], unique=False)
    for name, columns in AUDIT.items():
        op.create_index(name, "audit_entry", columns, unique=False)
    _create_partial("ix_notification_mailed_only", "notification", ["account_id"], "inbox_rule IS NULL")
    _create_partial("ix_delivery_not_sent", "delivery", ["state", "id"], NOT_SENT)


def _create_partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, unique=False, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _fold_names(connection: sa.Connection) -> None:
    account = sa.table("account", sa.column("id"), sa.column("name"), sa.column("name_key"))
    fold = account.update().where(account.c.id == sa.bindparam("of")).values(name_key=sa.bindparam("key"))
    last = 0
    while rows := connection.execute(
        sa.select(account.c.id, account.c.name).where(account.c.id > last).order_by(account.c.id).limit(BATCH)
    ).all():
        connection.execute(fold, [{"of": id, "key": folded(name)} for id, name in rows])
        last = rows[-1][0]


def downgrade() -> None:
    op.drop_index("ix_delivery_not_sent", "delivery")
    op.drop_index("ix_notification_mailed_only", "notification")
    for name in AUDIT:
        op.drop_index(name, "audit_entry")
    op.drop_index("ix_mailbox_domain", "mailbox")
    op.drop_column("account", "name_key")
