"""The days and hours that `exchange_calendars` and `holidays` know of an exchange, kept in a file once they are computed.

Both libraries need pandas: importing them and computing two exchanges takes 1.2 s, which every command would wait for.
Reading the file takes some milliseconds. Its name holds the versions of both, so that they are computed again after an upgrade.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

log = logging.getLogger(__name__)

FIRST = date(2015, 1, 1)
"""Always passed as `start`: the library's own default bound moves with the day of the call."""

HOLIDAY_COUNTRIES = {"XIDX": "ID"}
"""Exchanges of which the calendar library knows weekdays more than holidays: it gives Jakarta 252 sessions for 2026, the
exchange announced 239. Less the country's public holidays and collective leave it is exactly 239."""

FORMAT = 1
"""Of the file. To be raised with `FIRST`, `HOLIDAY_COUNTRIES` and the fields of `LibraryDays`."""


class UnknownCalendar(ValueError):
    """No calendar for this market identifier code."""


@dataclass(frozen=True, slots=True)
class LibraryDays:
    """What the libraries say of an exchange, before any correction of ours.

    Attributes:
        timezone: IANA name.
        known_until: ordinal of the last day about which they say anything.
        days: ordinals of the sessions, ascending.
        opens, closes: of each session, seconds since 1970, UTC.
        half_days: ordinals of the sessions that close early.
    """

    timezone: str
    known_until: int
    days: list[int]
    opens: list[int]
    closes: list[int]
    half_days: list[int]

    def __post_init__(self) -> None:
        """Refuse hours that are not those of the days."""
        if not 0 < len(self.days) == len(self.opens) == len(self.closes):
            msg = f"{len(self.days)} sessions have {len(self.opens)} opens and {len(self.closes)} closes"
            raise ValueError(msg)


def library_days(mic: str, until: date) -> LibraryDays:
    """Return the sessions of an exchange from `FIRST` to `until`, or as far as they have been announced.

    Raises:
        UnknownCalendar: no calendar for `mic`.
    """
    path = cache_folder() / f"{mic.replace('/', '-')}-{until}.json"
    kept = _kept(path)
    if kept is not None:
        return kept
    found = _computed(mic, until)
    _keep(path, found)
    return found


def cache_folder() -> Path:
    """Return where calendars are kept: below XDG_CACHE_HOME or ~/.cache. It may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    versions = f"{version('exchange_calendars')}-{version('holidays')}-{FORMAT}"
    return Path(base) / "fin-assets" / f"calendars-{versions}"


def _kept(path: Path) -> LibraryDays | None:
    """Return what a file holds; None if there is none, or it cannot be used."""
    try:
        content = path.read_bytes()
    except OSError as error:
        # There is none yet, or this user may not read there: as slow, and as right.
        log.debug("%s is not read: %s", path, error)
        return None
    try:
        return LibraryDays(**json.loads(content))
    except (ValueError, TypeError) as error:
        log.warning("%s is damaged and is computed again: %s", path, error)
        return None


def _computed(mic: str, until: date) -> LibraryDays:
    # Here, because both bring pandas.
    import exchange_calendars as xc
    import pandas as pd

    names = xc.get_calendar_names(include_aliases=False)
    if mic not in names:
        near = difflib.get_close_matches(mic, names, n=3)
        msg = f"no calendar {mic!r}" + (f"; did you mean {', '.join(near)}?" if near else "")
        raise UnknownCalendar(msg)
    bound = xc.calendar_utils.global_calendar_dispatcher._calendar_factories[mic].bound_max()  # noqa: SLF001 - no public way to ask
    known_until = until if bound is None else min(until, bound.date())
    library = xc.get_calendar(mic, start=FIRST.isoformat(), end=known_until.isoformat())
    schedule = library.schedule
    closed = _holidays(mic, known_until)
    schedule = schedule[[stamp.date() not in closed for stamp in schedule.index]]
    epoch, second = pd.Timestamp(0, tz="UTC"), pd.Timedelta(1, "s")
    return LibraryDays(
        timezone=str(library.tz),
        known_until=known_until.toordinal(),
        days=[stamp.toordinal() for stamp in schedule.index],
        opens=[int((stamp - epoch) // second) for stamp in schedule["open"]],
        closes=[int((stamp - epoch) // second) for stamp in schedule["close"]],
        half_days=[stamp.toordinal() for stamp in library.early_closes],
    )


def _holidays(mic: str, until: date) -> set[date]:
    country = HOLIDAY_COUNTRIES.get(mic)
    if country is None:
        return set()
    import holidays

    years = range(FIRST.year, until.year + 1)
    return set(holidays.country_holidays(country, years=years, categories=("public", "government")))


def _keep(path: Path, found: LibraryDays) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(found), separators=(",", ":")))
        temporary.replace(path)
    except OSError as error:
        # A home that cannot be written to, as in some containers: each command computes the calendar.
        log.debug("%s is not kept: %s", path, error)
        with suppress(OSError):
            temporary.unlink()
