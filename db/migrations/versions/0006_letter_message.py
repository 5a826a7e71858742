"""The message of a letter in a table of its own: settling a letter no longer writes its message again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import Id

revision = "0006"
down_revision = "0005"

SEALED = "the message as sent, sealed"


def upgrade() -> None:
    op.create_table(
        "letter_message",
        sa.Column("letter_id", Id, nullable=False, comment="the letter"),
        sa.Column("sealed", sa.LargeBinary, nullable=False, comment=SEALED),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name="fk_letter_message_letter_id_letter"),
        sa.PrimaryKeyConstraint("letter_id", name="pk_letter_message"),
    )
    op.execute(
        "INSERT INTO letter_message (letter_id, sealed) "
        "SELECT id, message_sealed FROM letter WHERE message_sealed IS NOT NULL"
    )
    # A hash without its message was left by letters that were made and then held back: they are not made.
    op.execute("UPDATE letter SET message_sha256 = NULL WHERE message_sealed IS NULL")
    op.drop_column("letter", "message_sealed")


def downgrade() -> None:
    op.add_column("letter", sa.Column("message_sealed", sa.LargeBinary, nullable=True, comment=SEALED))
    op.execute(
        "UPDATE letter SET message_sealed = "
        "(SELECT sealed FROM letter_message WHERE letter_message.letter_id = letter.id)"
    )
    op.drop_table("letter_message")
