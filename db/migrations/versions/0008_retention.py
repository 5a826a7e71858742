"""Legal holds, erasures and their tombstones; the one way in which evidence may go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import Id, UtcDateTime

revision = "0008"
down_revision = "0007"

SQLITE_EMPTY, POSTGRESQL_EMPTY = "x''", "''::bytea"
SAME = "CAST(NEW.{0} AS TEXT) = CAST(OLD.{0} AS TEXT)"
# Table, the columns its trigger watches (none: the whole row), those of them that are emptied, and to what.
ERASABLE: tuple[tuple[str, tuple[str, ...], dict[str, str], tuple[str, ...]], ...] = (
    ("report", ("raw_sealed", "raw_sha256", "received_at"), {"raw_sealed": "{empty}"}, ("raw_sha256", "received_at")),
    ("content_item", ("url_original",), {"url_original": "''"}, ()),
    ("submission", ("payload", "payload_sha256", "idempotency_key"), {"payload": "{empty}"},
     ("payload_sha256", "idempotency_key")),
    ("inbound_mail", ("raw_sealed", "raw_sha256", "message_key", "stored_at"),
     {"raw_sealed": "{empty}", "message_key": "'erased:' || CAST(OLD.id AS TEXT)"}, ("raw_sha256", "stored_at")),
    ("expert_opinion", (), {"reasons": "'erased'", "dissent": "'[]'"},
     ("id", "case_id", "group_id", "reference", "present", "conflicted", "in_favour", "against", "confirmed",
      "recorded_by", "policy_version", "decided_at", "recorded_at")),
)  # fmt: skip
"""With a tombstone for that very row, and only to the emptied form, these may change."""


def upgrade() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("case_id", Id, nullable=False, comment="the case"),
        sa.Column("placed_by", sa.String(64), nullable=False, comment="who placed it"),
        sa.Column("placed_at", UtcDateTime, nullable=False, comment="when"),
        sa.Column("reason", sa.Text, nullable=False, comment="why"),
        sa.Column("lifted_by", sa.String(64), nullable=True, comment="who lifted it; never who placed it"),
        sa.Column("lifted_at", UtcDateTime, nullable=True, comment="when; null: it holds"),
        sa.CheckConstraint("lifted_by IS NULL OR lifted_by <> placed_by", name="two_people"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_legal_hold_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_legal_hold"),
    )
    op.create_index("ix_legal_hold_case_id", "legal_hold", ["case_id"])
    op.create_table(
        "erasure_run",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("begun_at", UtcDateTime, nullable=False, comment="when it was first found due"),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting for a person, running or done"),
        sa.Column("due", sa.Integer, nullable=False, comment="how many cases and single records it may erase from"),
        sa.Column("erased", sa.Integer, nullable=False, comment="from how many it has erased"),
        sa.Column("confirmed_by", sa.String(64), nullable=True, comment="who confirmed it, where a person had to"),
        sa.Column("confirmed_at", UtcDateTime, nullable=True, comment="when"),
        sa.Column("done_at", UtcDateTime, nullable=True, comment="when nothing of it was left"),
        sa.PrimaryKeyConstraint("id", name="pk_erasure_run"),
    )
    op.create_table(
        "erasure",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("run_id", Id, nullable=False, comment="the run"),
        sa.Column("case_id", Id, nullable=True, comment="the case, if it is one's"),
        sa.Column("record", sa.String(16), nullable=False, comment="class of records, as the policy pack names it"),
        sa.Column("rule", sa.String(300), nullable=False, comment="period and source, as the policy pack says"),
        sa.Column("policy_version", sa.String(80), nullable=False, comment="policy version the rule stands in"),
        sa.Column("rows", sa.Integer, nullable=False, comment="how many rows; may be none"),
        sa.Column("erased_at", UtcDateTime, nullable=False, comment="when"),
        sa.Column("event_seq", Id, nullable=False, comment="the event that tells of it"),
        sa.ForeignKeyConstraint(["run_id"], ["erasure_run.id"], name="fk_erasure_run_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_erasure_case_id"),
        sa.ForeignKeyConstraint(["event_seq"], ["event.seq"], name="fk_erasure_event_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_erasure"),
    )
    op.create_index("ix_erasure_case_id_record", "erasure", ["case_id", "record"])
    op.create_index("ix_erasure_event_seq", "erasure", ["event_seq"])
    op.create_table(
        "tombstone",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("erasure_id", Id, nullable=False, comment="the erasure: when, which rule, which run"),
        sa.Column("case_id", Id, nullable=True, comment="the case; one under a legal hold is refused"),
        sa.Column("table_name", sa.String(32), nullable=False, comment="table of the row"),
        sa.Column("row_id", Id, nullable=False, comment="its id"),
        sa.Column("content_hash", sa.String(64), nullable=False,
                  comment="keyed hash of what was erased: shows that a copy is it, and nothing to who lacks the key"),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.id"], name="fk_tombstone_erasure_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tombstone"),
        sa.UniqueConstraint("table_name", "row_id", name="uq_tombstone_table_name_row_id"),
    )  # fmt: skip
    op.create_index("ix_tombstone_erasure_id", "tombstone", ["erasure_id"])
    op.create_index("ix_tombstone_case_id", "tombstone", ["case_id"])
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


HELD = "SELECT 1 FROM legal_hold WHERE legal_hold.case_id = NEW.case_id AND legal_hold.lifted_at IS NULL"
KEPT = (
    ("erasure", "UPDATE"), ("erasure", "DELETE"), ("tombstone", "UPDATE"), ("tombstone", "DELETE"),
    ("legal_hold", "UPDATE OF case_id, placed_by, placed_at, reason"), ("legal_hold", "DELETE"),
)  # fmt: skip


def _erased_form(erased: dict[str, str], same: tuple[str, ...], empty: str) -> str:
    emptied = [
        f"CAST(NEW.{column} AS TEXT) = {to}" if to == "'[]'" else f"NEW.{column} = {to.format(empty=empty)}"
        for column, to in erased.items()
    ]
    return " AND ".join([*emptied, *(SAME.format(column) for column in same)])


def _guard_sqlite() -> None:
    for table, columns, erased, same in ERASABLE:
        of = f" OF {', '.join(columns)}" if columns else ""
        op.execute(f"DROP TRIGGER {table}_no_update")
        buried = f"EXISTS (SELECT 1 FROM tombstone WHERE table_name = '{table}' AND row_id = OLD.id)"  # noqa: S608
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE{of} ON {table} WHEN NOT ("
            f"{_erased_form(erased, same, SQLITE_EMPTY)} AND {buried}) "
            f"BEGIN SELECT RAISE(ABORT, 'evidence is never changed: {table}'); END"
        )
    for table, what in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.split()[0].lower()} BEFORE {what} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'evidence is never changed: {table}'); END"
        )
    op.execute(
        f"CREATE TRIGGER tombstone_no_held BEFORE INSERT ON tombstone WHEN EXISTS ({HELD}) BEGIN "
        "SELECT RAISE(ABORT, 'a case under a legal hold is not erased'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION qorgan_has_tombstone(of_table text, of_row bigint) RETURNS boolean LANGUAGE sql STABLE AS "
        "$$ SELECT EXISTS (SELECT 1 FROM tombstone WHERE table_name = of_table AND row_id = of_row) $$"
    )
    for table, columns, erased, same in ERASABLE:
        of = f" OF {', '.join(columns)}" if columns else ""
        op.execute(f"DROP TRIGGER {table}_no_update ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE{of} ON {table} FOR EACH ROW WHEN (NOT ("
            f"{_erased_form(erased, same, POSTGRESQL_EMPTY)} AND qorgan_has_tombstone('{table}', OLD.id)))"
            " EXECUTE FUNCTION qorgan_refuse()"
        )
    for table, what in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.split()[0].lower()} BEFORE {what} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION qorgan_refuse()"
        )
    op.execute(
        "CREATE FUNCTION qorgan_refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF EXISTS ({HELD}) THEN RAISE EXCEPTION 'a case under a legal hold is not erased'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER tombstone_no_held BEFORE INSERT ON tombstone FOR EACH ROW EXECUTE FUNCTION qorgan_refuse_held()"
    )


def downgrade() -> None:
    raise RuntimeError("evidence stays: restore a backup instead of going back")
