"""The practice platform's knobs, turned from any process."""

from __future__ import annotations

from typing import Any

import httpx

from tasks.runtime import Runtime


def tell_platform(runtime: Runtime, what: str, **said: Any) -> None:
    """Turn one."""
    url = f"{runtime.settings.platform_url}/practice/{what}"
    httpx.post(url, json=said, trust_env=False, verify=False).raise_for_status()
