"""Letters about several cases, proof of delivery, addresses that fail, absences, mails that come in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import Data, Id, UtcDateTime

revision = "0005"
down_revision = "0004"

FIXED = (("inbound_mail", ("raw_sealed", "raw_sha256", "message_key", "stored_at")), ("mail_attachment", ()))
"""A mail stays as it came in, and so does what is known of its attachments."""


def upgrade() -> None:
    op.create_table(
        "inbound_mail",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("mailbox", sa.String(80), nullable=False, comment="the mailbox it came from, by its name in the settings"),
        sa.Column("message_key", sa.String(255), nullable=False,
                  comment="its Message-ID; without one, or with one used twice, a hash of its bytes"),
        sa.Column("message_id", sa.String(255), nullable=False, comment="its Message-ID as it stands, cut"),
        sa.Column("raw_sealed", sa.LargeBinary, nullable=False, comment="the mail as it came, sealed"),
        sa.Column("raw_sha256", sa.String(64), nullable=False, comment="SHA-256 of the mail as it came"),
        sa.Column("raw_bytes", sa.Integer, nullable=False, comment="its length"),
        sa.Column("body_sha256", sa.String(64), nullable=False,
                  comment="SHA-256 of all after the headers: equal where only the way here differed"),
        sa.Column("stored_at", UtcDateTime, nullable=False, comment="when it was stored"),
        sa.Column("state", sa.String(16), nullable=False, comment="MailState"),
        sa.Column("kind", sa.String(24), nullable=False, comment="MailKind, once read"),
        sa.Column("because", sa.Text, nullable=False, comment="what in the mail showed its kind"),
        sa.Column("matched_by", sa.String(24), nullable=False, comment="MatchedBy, once read"),
        sa.Column("case_id", Id, nullable=True, comment="the case it belongs to"),
        sa.Column("letter_id", Id, nullable=True, comment="the letter it answers"),
        sa.Column("contact", sa.String(80), nullable=False,
                  comment="who is taken to have written it: party:ID, or a contact of the policy pack"),
        sa.Column("written_at", UtcDateTime, nullable=True, comment="its own date, where it has a usable one"),
        sa.Column("read_at", UtcDateTime, nullable=True, comment="when it was read"),
        sa.Column("effects", Data, nullable=False, server_default="[]", comment="what followed from it, by name"),
        sa.Column("reason", sa.Text, nullable=False, comment="why it is held, or how it was settled"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="attempts to read it"),
        sa.Column("settled_by", sa.String(64), nullable=False, comment="who settled it"),
        sa.Column("settled_at", UtcDateTime, nullable=True, comment="when"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_inbound_mail_case_id"),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name="fk_inbound_mail_letter_id"),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_mail"),
        sa.UniqueConstraint("mailbox", "message_key", name="uq_inbound_mail_mailbox_message_key"),
    )  # fmt: skip
    for columns in (["state", "id"], ["case_id"], ["letter_id"], ["body_sha256"]):
        op.create_index(f"ix_inbound_mail_{'_'.join(columns)}", "inbound_mail", columns)
    op.create_table(
        "mail_attachment",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("mail_id", Id, nullable=False, comment="the mail"),
        sa.Column("part", sa.Integer, nullable=False, comment="which part of the mail, from 1"),
        sa.Column("sha256", sa.String(64), nullable=False, comment="SHA-256 of its bytes"),
        sa.Column("length", sa.Integer, nullable=False, comment="bytes"),
        sa.Column("declared_type", sa.String(100), nullable=False,
                  comment="what the mail says it is; nobody has looked"),
        sa.ForeignKeyConstraint(["mail_id"], ["inbound_mail.id"], name="fk_mail_attachment_mail_id"),
        sa.PrimaryKeyConstraint("id", name="pk_mail_attachment"),
        sa.UniqueConstraint("mail_id", "part", name="uq_mail_attachment_mail_id_part"),
    )  # fmt: skip
    op.create_index("ix_mail_attachment_sha256", "mail_attachment", ["sha256"])
    op.create_table(
        "address_health",
        sa.Column("address_hash", sa.String(64), nullable=False, comment="keyed hash of the address"),
        sa.Column("contact", sa.String(80), nullable=False, comment="party:ID, or a contact of the policy pack"),
        sa.Column("state", sa.String(16), nullable=False, comment="full or dead"),
        sa.Column("since", UtcDateTime, nullable=False, comment="when it was first seen so"),
        sa.Column("letter_id", Id, nullable=True, comment="the letter that did not arrive"),
        sa.Column("mail_id", Id, nullable=True, comment="the mail that said so"),
        sa.Column("words", sa.Text, nullable=False, comment="the mail server's words, without addresses"),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name="fk_address_health_letter_id"),
        sa.ForeignKeyConstraint(["mail_id"], ["inbound_mail.id"], name="fk_address_health_mail_id"),
        sa.PrimaryKeyConstraint("address_hash", name="pk_address_health"),
    )
    op.create_table(
        "absence",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("contact", sa.String(80), nullable=False, comment="a contact of the policy pack"),
        sa.Column("from_at", UtcDateTime, nullable=False, comment="first moment of it"),
        sa.Column("until_at", UtcDateTime, nullable=False, comment="first moment after it"),
        sa.Column("recorded_by", sa.String(64), nullable=False, comment="who recorded it"),
        sa.Column("recorded_at", UtcDateTime, nullable=False, comment="when"),
        sa.Column("reason", sa.Text, nullable=False, comment="as told"),
        sa.Column("ended_by", sa.String(64), nullable=False, comment="who took it back early"),
        sa.PrimaryKeyConstraint("id", name="pk_absence"),
    )
    op.create_index("ix_absence_contact_until_at", "absence", ["contact", "until_at"])
    with op.batch_alter_table("letter") as letter:
        letter.alter_column("case_id", existing_type=Id, nullable=True,
                            comment="the case; none for a letter about several", existing_comment="the case")
        letter.add_column(sa.Column("sent_to", sa.String(80), nullable=True,
                                    comment="contact it really went to: a deputy or the last resort, where not the one intended"))
        letter.add_column(sa.Column("address_hash", sa.String(64), nullable=True, comment="keyed hash of the address it went to"))
        letter.add_column(sa.Column("held_because", sa.String(32), nullable=False, server_default="",
                                    comment="why it waits though it could go: quiet hours, cap, …"))
        letter.add_column(sa.Column("digest_id", Id, sa.ForeignKey("letter.id", name="fk_letter_digest_id_letter"), nullable=True,
                                    comment="the digest whose line it became"))
        letter.add_column(sa.Column("queue_id", sa.String(80), nullable=False, server_default="",
                                    comment="the mail server's own number of it, where it gave one"))
        letter.add_column(sa.Column("delivered_at", UtcDateTime, nullable=True, comment="when a mail server confirmed delivery"))
    op.create_index("ix_letter_message_id", "letter", ["message_id"])
    op.create_index("ix_letter_state_sent_at", "letter", ["state", "sent_at"])
    op.create_index("ix_letter_digest_id", "letter", ["digest_id"])
    op.create_index("ix_letter_address_hash_sent_at", "letter", ["address_hash", "sent_at"])
    with op.batch_alter_table("escalation") as escalation:
        escalation.alter_column("acknowledged_via", existing_type=sa.String(32), existing_nullable=True,
                                comment="phone, mail, link, portal or meeting",
                                existing_comment="phone, mail, portal or meeting")
        escalation.add_column(sa.Column("acknowledged_mail_id", Id, sa.ForeignKey("inbound_mail.id", name="fk_escalation_acknowledged_mail_id_inbound_mail"), nullable=True,
                                        comment="the mail by which it was acknowledged"))
    sqlite = op.get_bind().dialect.name == "sqlite"
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
