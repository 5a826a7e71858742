"""What the completeness gate looks for, each with its meaning; docs and letters take their lists from here."""

from __future__ import annotations

CHECKS = {
    "exact_link": "A link to exactly one item: not a search, a feed, a home page or an unresolved short link.",
    "post_not_profile": "A link to the post when a post is meant; an account only where the account is the matter.",
    "platform": "A platform that this authority reaches.",
    "quote": "The words or a description of what is shown, in the original language.",
    "translation": "A translation when the original is in none of the authority's languages.",
    "observed_at": "When it was seen.",
    "harmed": "Who is harmed, and the age band when it is a child.",
    "why_unlawful": "How the content meets the elements of the law.",
    "legal_basis": "Act, article and paragraph.",
    "policy_line": "The line of the platform's policy that is broken.",
    "expert_decision": "The expert group's decision, where the instrument needs it.",
    "provider_told": "When somebody complained to the provider, where the law wants that first.",
    "territory": "Where the action is asked for.",
    "proportionate": "The narrowest action that works: the post before the account.",
    "signatory": "Somebody authorised to sign on that day.",
}
