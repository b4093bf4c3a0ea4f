"""events"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("said", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reported_by", sa.String(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_event_received_at"), "event", ["received_at"], unique=False)
    op.add_column("api_key", sa.Column("sealed_secret", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM api_key WHERE sealed_secret IS NOT NULL")  # without it they would be keys like others
    op.drop_column("api_key", "sealed_secret")
    op.drop_table("event")
