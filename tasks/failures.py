"""What went wrong, told by kind and place. The words of an unexpected error may quote a report, and go nowhere."""

from __future__ import annotations

import traceback
from pathlib import Path

from casework.errors import QorganError
from tasks.settings import ROOT

FRAMES = 6
"""How many places are named, those nearest to the fault."""


class EffectFailed(QorganError):
    """An effect failed with an error that is none of ours; ``kind`` and ``where`` are all that may be shown of it."""

    rule = "flow.effect_failed"

    def __init__(self, kind: str, where: str) -> None:
        self.kind, self.where = kind, where
        super().__init__(f"it failed with {kind}", next_step="The log has the place.")


def kind_and_place(error: BaseException) -> tuple[str, str]:
    """The error's kind, one of ours with its rule, and the lines of our own code that led to it, outermost first."""
    if isinstance(error, EffectFailed):
        return error.kind, error.where
    kind = type(error).__name__ + (f" [{error.rule}]" if isinstance(error, QorganError) else "")
    places = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        # Libraries may lie in a hidden folder beside the code.
        if path.is_relative_to(ROOT) and not path.relative_to(ROOT).parts[0].startswith("."):
            places.append(f"{path.name}:{frame.lineno} {frame.name}")
    return kind, " > ".join(places[-FRAMES:])
