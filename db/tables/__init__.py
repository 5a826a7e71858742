"""All tables; importing this package registers every one of them."""

from db.tables.cases import CaseFile, ContentItem, NumberSequence, PriorityChange
from db.tables.clocks import Clock, Heartbeat
from db.tables.correspondence import Absence, AddressHealth, Escalation, Letter
from db.tables.events import ChainHead, Event
from db.tables.mail import InboundMail, MailAttachment
from db.tables.policies import PolicyVersion
from db.tables.reports import HeldItem, Party, Report
from db.tables.reviews import ApprovedPayload, ExpertOpinion, Review
from db.tables.submissions import ChannelCursor, ItemOutcome, Submission

__all__ = [
    "Absence", "AddressHealth", "ApprovedPayload", "CaseFile", "ChainHead", "ChannelCursor", "Clock", "ContentItem",
    "Escalation", "Event", "ExpertOpinion", "Heartbeat", "HeldItem", "InboundMail", "ItemOutcome", "Letter",
    "MailAttachment", "NumberSequence", "Party", "PolicyVersion", "PriorityChange", "Report", "Review", "Submission",
]  # fmt: skip
