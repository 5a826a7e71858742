"""Between a clock on the wall and an instant: zones by name of a place, jumps, and hours that come twice."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class LocalTimeInvalid(ValueError):
    """A local time or a zone that cannot be read; the message says what to write instead."""


class NoSuchLocalTime(LocalTimeInvalid):
    """A local time that the zone's clock skips."""


class TwoSuchLocalTimes(LocalTimeInvalid):
    """A local time that the zone's clock shows twice."""


class ZoneInvalid(LocalTimeInvalid):
    """A zone that is no place, or none that the time zone database knows."""


_NO_PLACES = ("Etc/", "SystemV/", "posix/", "right/")


def place_zone(name: str) -> ZoneInfo:
    """The zone of a place, such as Asia/Almaty, or UTC itself.

    Raises ZoneInvalid: for an offset or a fixed name (``+05:00``, ``Etc/GMT-5``, ``EST``) too, because an
    offset does not know that a government will change it.
    """
    if name != "UTC" and ("/" not in name or name.startswith(_NO_PLACES)):
        raise ZoneInvalid(f"zone {name!r}: name a place, such as Asia/Almaty, never an offset")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ZoneInvalid(f"zone {name!r}: the time zone database knows no such place") from error


def instant_of(on: date, wall: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local date and time: the jump if the clock skips it, the first if repeated."""
    first = datetime.combine(on, wall.replace(fold=0), zone)
    early, late = first.utcoffset(), first.replace(fold=1).utcoffset()
    if early is None or late is None or late <= early:
        return first.astimezone(UTC)
    return _jump(first)


def local_instant(text: str, zone: str) -> datetime:
    """The UTC instant of a date and time as a person in the zone writes it: ``2026-03-29 14:30``.

    An offset may follow and must be one that the zone has at that time. Raises LocalTimeInvalid for what is
    no date and time or has a wrong offset, ZoneInvalid, NoSuchLocalTime and TwoSuchLocalTimes.
    """
    place, said = place_zone(zone), text.strip()
    if _is_date(said):
        raise LocalTimeInvalid(f"{said!r} has no time of day: write it as {said} 14:30")
    try:
        written = datetime.fromisoformat(said)
    except ValueError as error:
        raise LocalTimeInvalid(f"{said!r} is no date and time: write it as 2026-03-29 14:30") from error
    # At the very ends of the calendar an offset would leave it.
    if not MINYEAR < written.year < MAXYEAR:
        raise LocalTimeInvalid(f"{said!r} lies outside the years that can be counted: check the year")
    wall = written.replace(tzinfo=None)
    first, second = wall.replace(tzinfo=place, fold=0), wall.replace(tzinfo=place, fold=1)
    clock, offset = wall.isoformat(" "), written.utcoffset()
    if first.astimezone(UTC) > second.astimezone(UTC):
        jump = _jump(first)
        last, next_ = (jump - timedelta.resolution).astimezone(place), jump.astimezone(place)
        # The reading that the old offset would have given to the moment of the jump.
        stops = (jump + (last.utcoffset() or timedelta())).replace(tzinfo=None)
        raise NoSuchLocalTime(
            f"{clock} does not exist in {zone}: the clock goes from {stops:%Y-%m-%d %H:%M} ({_offset(last)}) to "
            f"{next_:%Y-%m-%d %H:%M} ({_offset(next_)}). Write a time before the one or from the other on"
        )
    readings = {first.utcoffset(): first, second.utcoffset(): second}
    if offset is None and len(readings) == 2:
        both = " and ".join(
            f"{clock}{_offset(reading)} ({reading.astimezone(UTC):%Y-%m-%d %H:%M} UTC)" for reading in (first, second)
        )
        raise TwoSuchLocalTimes(f"{clock} comes twice in {zone}: {both}. Write the offset that is meant behind it")
    if offset is not None and offset not in readings:
        right = " or ".join(f"{clock}{_offset(reading)}" for reading in readings.values())
        raise LocalTimeInvalid(f"{said!r} has not the offset of {zone} at that time: write {right}, or no offset")
    return readings.get(offset, first).astimezone(UTC)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _jump(first: datetime) -> datetime:
    """The instant of the jump over a local time that does not exist, given with fold 0."""
    # Inside a jump, and only there, the later reading comes first; the jump lies between the two.
    low, high = first.replace(fold=1).astimezone(UTC), first.astimezone(UTC)
    before = low.astimezone(first.tzinfo).utcoffset()
    while high - low > timedelta.resolution:
        middle = low + (high - low) // 2
        if middle.astimezone(first.tzinfo).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _offset(local: datetime) -> str:
    # isoformat and not %z, which has no colon.
    return local.isoformat(timespec="minutes")[16:]
