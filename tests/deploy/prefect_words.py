"""What Prefect really knows: its settings by the name of their variable, and its commands with their options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import AliasChoices
from pydantic_settings import BaseSettings


def _names(model: type[BaseSettings], prefix: str) -> set[str]:
    """The variables that a model of settings reads, in capitals."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseSettings):
            found |= _names(kind, str(kind.model_config.get("env_prefix") or ""))
            continue
        found.add(f"{prefix}{name}".upper())
        if isinstance(field.validation_alias, AliasChoices):
            found |= {choice.upper() for choice in field.validation_alias.choices if isinstance(choice, str)}
    return found


@cache
def variables() -> frozenset[str]:
    """Every variable that Prefect or its Redis part reads."""
    models = (
        ("prefect.settings.models.root", "Settings"),
        ("prefect_redis.client", "RedisMessagingSettings"),
        ("prefect_redis.cleanup_queue", "RedisWorkerCleanupQueueSettings"),
    )
    found: set[str] = set()
    for module, name in models:
        model = getattr(import_module(module), name)
        found |= _names(model, str(model.model_config.get("env_prefix") or ""))
    return frozenset(found)


def command_exists(words: Sequence[str]) -> bool:
    """Whether ``prefect WORDS`` is a command and takes the options among them."""
    from prefect.cli._app import _app

    known: Any = _app
    left = list(words)
    while left and not left[0].startswith("-"):
        if left[0] not in set(known):
            break
        known = known[left.pop(0)]
    if known.default_command is None:
        return False
    options = {name for argument in known.assemble_argument_collection() for name in argument.names}
    return {word for word in left if word.startswith("--")} <= options
