"""The long proof of the clocks: engine and reference agree on thousands of random offices, zones, starts and pauses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.casework.clock_questions import PROOFS, Proof

pytestmark = pytest.mark.prove


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.id)
def test_the_engine_agrees_with_every_minute_counted(
    proof: Proof, record_property: Callable[[str, object], None]
) -> None:
    compared = proof.run(proof.full)
    record_property("examples", compared)
    assert compared >= proof.full


def test_the_proof_is_as_large_as_promised() -> None:
    assert sum(proof.full for proof in PROOFS) >= 20_000
