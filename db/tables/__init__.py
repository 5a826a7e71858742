"""All tables; importing this package registers every one of them."""

from db.tables.cases import CaseFile, ContentItem, NumberSequence, PriorityChange
from db.tables.clocks import Clock, Heartbeat
from db.tables.correspondence import Escalation, Letter
from db.tables.events import ChainHead, Event
from db.tables.reports import HeldItem, Party, Report
from db.tables.reviews import ApprovedPayload, Review
from db.tables.submissions import ChannelCursor, ItemOutcome, Submission

__all__ = [
    "ApprovedPayload", "CaseFile", "ChainHead", "ChannelCursor", "Clock", "ContentItem", "Escalation", "Event",
    "Heartbeat", "HeldItem", "ItemOutcome", "Letter", "NumberSequence", "Party", "PriorityChange", "Report",
    "Review", "Submission",
]  # fmt: skip
