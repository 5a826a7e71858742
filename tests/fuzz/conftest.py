"""The desk's own fixture, for what is typed at it."""

from tests.desk.conftest import desk as desk
