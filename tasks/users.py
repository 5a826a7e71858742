"""Who may do what: the users file. Identities are ours; Prefect's page knows nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from casework.errors import ConfigurationError, NotAllowed
from casework.facts import SYSTEM, Actor
from casework.vocabulary import Role

MAX_BYTES = 1_000_000
"""Of the users file."""


class _User(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    name: str
    roles: tuple[Role, ...]


class _UsersFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    users: tuple[_User, ...]


@dataclass(frozen=True)
class Users:
    """The people of this installation, by id."""

    by_id: Mapping[str, Actor]

    def actor(self, user_id: str) -> Actor:
        """The person, or NotAllowed for somebody unknown; 'system' is nobody's name."""
        if user_id not in self.by_id:
            raise NotAllowed(
                f"nobody is known as '{user_id[:64]}'", rule="actor.unknown", next_step="Add the person to users.yaml."
            )
        return self.by_id[user_id]


def _said(error: Exception) -> str:
    """The first fault. What was found is not repeated: a few lines of aliases can be a whole library."""
    if not isinstance(error, ValidationError):
        return (str(error).splitlines() or ["not readable"])[0]
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"


def read_users(path: Path) -> Users:
    """The users file. A missing file means nobody; ConfigurationError for one that is wrong or too long."""
    if not path.exists():
        return Users({})
    if path.stat().st_size > MAX_BYTES:
        raise ConfigurationError(f"{path.name}: longer than {MAX_BYTES:,} bytes", rule="users.invalid")
    try:
        parsed = _UsersFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigurationError(
            f"{path.name}: {_said(error)}", rule="users.invalid", next_step="Mend the file."
        ) from None
    twice = [
        user.id for place, user in enumerate(parsed.users) if user.id in {other.id for other in parsed.users[:place]}
    ]
    if twice:
        raise ConfigurationError(f"{path.name}: two people have the id '{twice[0][:64]}'", rule="users.invalid")
    people = {user.id: Actor(user.id, user.name, frozenset(user.roles)) for user in parsed.users}
    if SYSTEM.id in people or any(Role.SYSTEM in actor.roles for actor in people.values()):
        raise ConfigurationError(f"{path.name}: nobody may be the system", rule="users.invalid")
    return Users(people)
