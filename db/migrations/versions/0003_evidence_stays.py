"""Triggers that keep evidence as it was: events, raw reports, received links, approved notices."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

# Table, and the columns that may never change; none named means the whole row. Rows are never removed.
FIXED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("event", ()),
    ("report", ("raw_sealed", "raw_sha256", "received_at")),
    ("content_item", ("url_original",)),
    ("submission", ("payload", "payload_sha256", "idempotency_key")),
    ("review", ()),
    ("approved_payload", ()),
)


def upgrade() -> None:
    # The head must exist before the first event: two first writers would otherwise both make it.
    op.execute(f"INSERT INTO chain_head (id, seq, hash) VALUES (1, 0, '{'0' * 64}')")
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(
            "CREATE FUNCTION qorgan_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'evidence is never changed: %', TG_TABLE_NAME; END $$"
        )
    for table, columns in FIXED:
        of = f" OF {', '.join(columns)}" if columns else ""
        for what in (f"UPDATE{of}", "DELETE"):
            name = f"{table}_no_{what.split()[0].lower()}"
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
