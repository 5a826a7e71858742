"""What no policy pack may switch off: floors for children in danger, and protection of political speech.

These are rules of the engine, not of a law. A pack that lowers one of them is refused before it is used.
"""

from __future__ import annotations

from casework.vocabulary import Priority

IMMINENT = {
    "threat_to_life_of_child": "Somebody threatens a child's life.",
    "suicide_plan_or_live_self_harm": "A plan for suicide, or self-harm that is happening now.",
    "live_streamed_abuse": "Abuse is being streamed live.",
    "meeting_arranged_with_minor": "A meeting with a child has been arranged.",
    "abducted_or_missing_child": "A child is missing or abducted.",
    "sextortion_with_deadline_or_suicidal_victim": "Sexual extortion with a deadline, or of a suicidal victim.",
    "sadistic_online_exploitation": "A child is made to hurt itself or others.",
    "offender_has_current_access": "The offender can reach the child now.",
    "school_attack_threat": "An attack on a school is announced with a time or a place.",
}
"""Indicators that make a case P0 under every pack, whatever its category (unless that is political speech)."""

CHILD_SIGNS = frozenset(IMMINENT) | {
    "csam_any",
    "csam_deepfake",
    "infant",
    "severity_category_a",
    "grooming_ongoing",
    "sextortion",
    "trafficking",
    "doxxing_of_child_with_address",
    "child_victim_identified_and_spreading",
    "self_harm_signals",
    "cyberbullying_child",
    "self_harm_promotion_aimed_at_minors",
    "eating_disorder_promotion_aimed_at_minors",
    "dangerous_challenge",
    "leak_of_child_personal_data",
    "sexualised_comments_on_child",
}
"""With any of these an unknown age counts as a child's, under every pack."""

NEVER_SPEECH = frozenset({"school_attack_threat"})
"""Signs that may raise a political category too: an attack announced with a place or a time is no speech."""

SPEECH_CATEGORIES = frozenset({"STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"})
SPEECH_KEYWORDS = frozenset(
    {
        "KEYWORD_MISINFORMATION_DISINFORMATION",
        "KEYWORD_FEMALE_GENDERED_DISINFORMATION",
        "KEYWORD_TERRORIST_CONTENT",
        "KEYWORD_ILLEGAL_ORGANIZATIONS",
    }
)
"""Kinds of harm in which political speech is easily meant: a second reviewer, a note on necessity and proportionality,
and no rise for child safety, under every pack."""

HIGHEST_BY_MODIFIER = Priority.P1
"""No modifier makes a case P0: that takes an indicator of imminent danger."""
