"""All tables; importing this package registers every one of them."""

from db.tables.audit_heads import AuditHead, SigningKey
from db.tables.board import StageCount
from db.tables.cases import CaseFile, ContentItem, NumberSequence, PriorityChange
from db.tables.clocks import Clock, Heartbeat
from db.tables.correspondence import Absence, AddressHealth, Escalation, Letter, LetterMessage
from db.tables.events import ChainHead, Event
from db.tables.mail import InboundMail, MailAttachment
from db.tables.policies import PolicyVersion
from db.tables.reports import HeldItem, Party, Report
from db.tables.retention import Erasure, ErasureRun, LegalHold, Tombstone
from db.tables.reviews import ApprovedPayload, ExpertOpinion, Review
from db.tables.submissions import ChannelCursor, ItemOutcome, Submission
from db.tables.switches import Switch

__all__ = [
    "Absence", "AddressHealth", "ApprovedPayload", "AuditHead", "CaseFile", "ChainHead", "ChannelCursor", "Clock",
    "ContentItem", "Erasure", "ErasureRun", "Escalation", "Event", "ExpertOpinion", "Heartbeat", "HeldItem",
    "InboundMail", "ItemOutcome", "LegalHold", "Letter", "LetterMessage", "MailAttachment", "NumberSequence", "Party",
    "PolicyVersion", "PriorityChange", "Report", "Review", "SigningKey", "StageCount", "Submission", "Switch",
    "Tombstone",
]  # fmt: skip
