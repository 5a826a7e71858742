"""The long proof of the clocks: engine and reference agree on thousands of random offices, zones, starts and pauses."""

from __future__ import annotations

import pytest

from tests.casework.clock_questions import CHECKED, PROOFS, Proof

pytestmark = pytest.mark.prove


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name.replace(" ", "-"))
def test_the_engine_agrees_with_every_minute_counted(proof: Proof) -> None:
    before = CHECKED[proof.name]
    proof.run(proof.full)
    assert CHECKED[proof.name] - before >= proof.full


def test_the_proof_is_as_large_as_promised() -> None:
    assert sum(proof.full for proof in PROOFS) >= 20_000
