"""The rules, pure: no file, no session, no clock."""

from __future__ import annotations

import zoneinfo

# Zones are those of the locked package tzdata, never those of the machine: a due time must be the same everywhere.
zoneinfo.reset_tzpath(to=())
