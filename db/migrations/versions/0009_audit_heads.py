"""Signed heads of the event log, and the public keys they were signed with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import Id, UtcDateTime

revision = "0009"
down_revision = "0008"

FIXED = ("signing_key", "audit_head")
"""What was signed stays as it was, and so do the keys."""


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("key_id", sa.String(32), nullable=False, comment="first 16 bytes of the key's SHA-256"),
        sa.Column("public_key", sa.LargeBinary, nullable=False, comment="the public key, 32 bytes (Ed25519)"),
        sa.Column("first_used_at", UtcDateTime, nullable=False, comment="when it signed first"),
        sa.PrimaryKeyConstraint("key_id", name="pk_signing_key"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", Id, nullable=False, comment="internal id, in order of signing"),
        sa.Column("once_key", sa.String(96), nullable=False, comment="one a day, and one an export"),
        sa.Column("seq", Id, nullable=False, comment="position of the newest event at that time"),
        sa.Column("hash", sa.String(64), nullable=False, comment="its hash"),
        sa.Column("root", sa.String(64), nullable=False, comment="root of the tree over all event hashes up to it"),
        sa.Column("signed_at", UtcDateTime, nullable=False, comment="when it was signed"),
        sa.Column("previous", sa.String(64), nullable=False,
                  comment="SHA-256 of the statement before; 64 zeros for the first"),
        sa.Column("key_id", sa.String(32), nullable=False, comment="the key that signed"),
        sa.Column("statement", sa.Text, nullable=False, comment="the bytes that were signed: canonical JSON"),
        sa.Column("signature", sa.LargeBinary, nullable=False, comment="the signature, 64 bytes (Ed25519)"),
        sa.ForeignKeyConstraint(["key_id"], ["signing_key.key_id"], name="fk_audit_head_key_id_signing_key"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.UniqueConstraint("once_key", name="uq_audit_head_once_key"),
    )  # fmt: skip
    op.create_index("ix_audit_head_seq", "audit_head", ["seq"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in FIXED:
        for what in ("UPDATE", "DELETE"):
            name = f"{table}_no_{what.lower()}"
            if sqlite:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN "
                    f"SELECT RAISE(ABORT, 'evidence is never changed: {table}'); END"
                )
            else:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION qorgan_refuse()"
                )


def downgrade() -> None:
    raise RuntimeError("evidence stays: restore a backup instead of going back")
