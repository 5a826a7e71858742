"""All tables; importing this package registers every one of them."""

from db.tables.cases import CaseFile, ContentItem, NumberSequence, PriorityChange
from db.tables.clocks import Clock, Heartbeat
from db.tables.correspondence import Escalation, Letter
from db.tables.events import ChainHead, Event
from db.tables.policies import PolicyVersion
from db.tables.reports import HeldItem, Party, Report
from db.tables.reviews import ApprovedPayload, ExpertOpinion, Review
from db.tables.submissions import ChannelCursor, ItemOutcome, Submission

__all__ = [
    "ApprovedPayload", "CaseFile", "ChainHead", "ChannelCursor", "Clock", "ContentItem", "Escalation", "Event",
    "ExpertOpinion", "Heartbeat", "HeldItem", "ItemOutcome", "Letter", "NumberSequence", "Party", "PolicyVersion",
    "PriorityChange", "Report", "Review", "Submission",
]  # fmt: skip
