"""The public vocabulary of harm is the official one, word for word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from casework.harm_vocabulary import KEYWORDS, STATEMENT_CATEGORIES

OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "dsa-sor-enums.json"


def test_every_category_and_keyword_is_that_of_the_official_schema() -> None:
    if not OFFICIAL.exists():
        pytest.skip("the official lists are not beside this copy of the project")
    official = json.loads(OFFICIAL.read_text(encoding="utf-8"))
    assert set(official["STATEMENT_CATEGORIES"]) == STATEMENT_CATEGORIES
    assert set(official["KEYWORDS"]) == KEYWORDS


def test_the_vocabulary_has_its_sixteen_categories_and_sixty_nine_keywords() -> None:
    assert (len(STATEMENT_CATEGORIES), len(KEYWORDS)) == (16, 69)
