"""What the source is: its calendar, tables, units, expectations and settings. No network, no parsing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from fin_assets.core.collection.acceptance import RowBand, StatesItsSession
from fin_assets.core.contract.calendar import OPEN, CalendarOf, DayState
from fin_assets.core.contract.expecting import each
from fin_assets.core.contract.filters import Filter
from fin_assets.core.contract.site import Site, site_of
from fin_assets.core.contract.source import DateRange, Fetched, Parsed, Schedules, Source, Table, Unit
from fin_assets.settings import Settings, SourceSettings, source_settings
from fin_assets.sources.hkex_southbound import checks, fetch, parse, stage
from fin_assets.sources.hkex_southbound.calendar import FIRST_LIST, ListDay, is_quarter_end_list, southbound_calendar
from fin_assets.sources.hkex_southbound.schema import LANGUAGES, Holdings, Participants

NAME = "hkex_southbound"
TIMEZONE = "Asia/Hong_Kong"
NORTHBOUND_QUARTERLY_SINCE = date(2024, 8, 19)
PARSER_VERSION = "1"
SCHEDULES = Schedules(daily="30 6 * * *")

LIVE_RATE, LIVE_WORKERS = 0.3, 1
"""The site restricts automated access; public collections of it use three seconds a request."""

# The 50 largest southbound holdings of the sandbox's generated market; a user of the live site names the own ones.
# fmt: off
DEFAULT_WATCHLIST: tuple[str, ...] = (
    "00027", "00162", "00295", "00344", "00358", "00371", "00388", "00496", "00700", "00887",
    "01109", "01311", "01314", "01343", "01463", "01665", "01697", "01709", "01788", "01996",
    "02003", "02020", "02085", "02212", "02440", "02577", "02893", "03311", "03317", "03346",
    "03392", "03597", "03649", "03690", "03835", "06059", "06066", "06080", "06125", "06213",
    "06240", "06269", "06411", "06766", "06953", "06986", "09647", "09658", "09706", "09890",
)
# fmt: on

Language = Literal["en", "zh"]


class HkexSettings(SourceSettings):
    """The section `[sources.hkex_southbound]`."""

    sandbox_path: str = "/hkexnews"
    live_base_url: str = "https://www3.hkexnews.hk"
    start: date = Field(
        default=date(2024, 9, 2), description="first session of the partitions; the site keeps twelve months"
    )
    end: date | None = Field(
        default=None, description="last session of the partitions, for a site over a given dataset; default: open"
    )
    languages: tuple[Language, ...] = Field(
        default=("en", "zh"), min_length=1, description="pages of the southbound list; the first gives the name"
    )
    northbound: bool = Field(default=True, description="also collect the lists of Shanghai and Shenzhen")
    watchlist: tuple[str, ...] = Field(
        default=DEFAULT_WATCHLIST, description="stock codes whose participants are collected; empty: none"
    )
    participants_band: float = Field(
        default=0.30, gt=0, lt=1, description="participants of a stock may differ by this share from the reference"
    )

    @model_validator(mode="before")
    @classmethod
    def _polite_when_live(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("mode") == "live":
            # The default watchlist is of invented stocks: on the live site it would be fifty unknown codes.
            return {"rate_per_second": LIVE_RATE, "workers": LIVE_WORKERS, "watchlist": (), **values}
        return values

    @field_validator("watchlist", mode="before")
    @classmethod
    def _codes(cls, value: object) -> object:
        codes = [code.strip() for code in value.split(",") if code.strip()] if isinstance(value, str) else value
        if not isinstance(codes, list | tuple):
            return codes
        bad = [code for code in codes if not str(code).isdigit() or len(str(code)) > 5]  # noqa: PLR2004 - a stock code has five digits
        if bad:
            msg = f"{bad[0]!r} is not a stock code of at most five digits"
            raise ValueError(msg)
        padded = [str(code).zfill(5) for code in codes]
        twice = sorted({code for code in padded if padded.count(code) > 1})
        if twice:
            msg = f"{', '.join(twice)}: named twice"
            raise ValueError(msg)
        return tuple(padded)

    @field_validator("start")
    @classmethod
    def _not_before_service(cls, value: date) -> date:
        if value < FIRST_LIST:
            msg = f"the service begins on {FIRST_LIST}"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _not_ended_before_start(self) -> HkexSettings:
        if self.end is not None and self.end < self.start:
            msg = f"end {self.end} lies before start {self.start}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables bound to their site and one set of settings."""

    site: Site
    settings: HkexSettings

    def holdings(self) -> Table:
        languages = self.settings.languages
        # Pages of a language that is not collected any more are still in the raw files of earlier sessions.
        preference = tuple(dict.fromkeys((*languages, *LANGUAGES)))
        return Table(
            name="holdings",
            description="Southbound holdings: one row a stock and session, the sum of both mainland clearing participants.",
            schema=Holdings,
            site=self.site,
            calendar=self._calendar(southbound_calendar().list_days),
            due=timedelta(hours=6),
            schedules=SCHEDULES,
            expected=each(f"hk/{language}" for language in languages),
            fetch=fetch.holdings_fetcher(self.site.base_url),
            parse=_parse_holdings,
            accept=(StatesItsSession(), self._row_band()),
            stage=lambda units, _session: stage.stage_holdings(units, languages=preference),
            checks=dict(checks.HOLDINGS_CHECKS),
            parser_version=f"{PARSER_VERSION}/{'+'.join(languages)}",
        )

    def northbound(self) -> Table:
        return Table(
            name="northbound",
            description="Northbound holdings of Shanghai and Shenzhen: daily before 2024-08-19, since then on quarter ends.",
            schema=Holdings,
            site=self.site,
            calendar=CalendarOf(
                timezone=TIMEZONE, days=northbound_sessions, state=northbound_day_state, end=self.settings.end
            ),
            # A quarter's list appears about fifteen days after its end.
            due=timedelta(days=20),
            schedules=SCHEDULES,
            expected=each(("sh/en", "sz/en")),
            fetch=fetch.holdings_fetcher(self.site.base_url),
            parse=_parse_holdings,
            accept=(StatesItsSession(), self._row_band()),
            stage=lambda units, _session: stage.stage_holdings(units),
            checks=dict(checks.NORTHBOUND_CHECKS),
            parser_version=PARSER_VERSION,
        )

    def participants(self) -> Table:
        band = self.settings.participants_band
        return Table(
            name="participants",
            description="Holdings of each clearing participant in the stocks of the watchlist.",
            schema=Participants,
            site=self.site,
            calendar=self._calendar(southbound_calendar().list_days),
            due=timedelta(hours=6),
            schedules=SCHEDULES,
            expected=each(sorted(self.settings.watchlist)),
            fetch=fetch.participants_fetcher(self.site.base_url),
            parse=_parse_participants,
            accept=(StatesItsSession(), RowBand(below=band, above=band)),
            stage=lambda units, _session: stage.stage_participants(units),
            checks=dict(checks.PARTICIPANTS_CHECKS),
            filters=(Filter(setting="watchlist", names=self.settings.watchlist),),
            parser_version=PARSER_VERSION,
        )

    def _row_band(self) -> RowBand:
        return RowBand(below=self.settings.row_count_below, above=self.settings.row_count_above)

    def _calendar(self, days: Callable[[date, date], list[date]]) -> CalendarOf:
        return CalendarOf(timezone=TIMEZONE, days=days, state=day_state, end=self.settings.end)


def source(settings: Settings) -> Source:
    """Return the source bound to its settings.

    Raises:
        SettingsError: its section of the settings is wrong.
    """
    own = source_settings(settings, NAME, HkexSettings)
    site = site_of(settings, own, name="hkexnews", transport="browser")
    tables = _Tables(site, own)
    kept, left_out = [tables.holdings()], {}
    if own.northbound:
        kept.append(tables.northbound())
    else:
        left_out["northbound"] = "northbound = false"
    if own.watchlist:
        kept.append(tables.participants())
    else:
        left_out["participants"] = "watchlist is empty: it has no stock whose participants are collected"
    return Source(
        name=NAME,
        title="HKEX Stock Connect",
        description="Who holds what through Stock Connect, from the exchange's shareholding search.",
        owner="team:hong-kong",
        link="https://www3.hkexnews.hk/sdw/search/mutualmarket.aspx?t=hk",
        timezone=TIMEZONE,
        start=own.start,
        end=own.end,
        settings=own,
        tables=tuple(kept),
        left_out=left_out,
    )


def northbound_sessions(start: date, end: date) -> list[date]:
    """Return the list days of northbound: every one before 2024-08-19, quarter ends since."""
    days = southbound_calendar().list_days(start, end)
    return [day for day in days if day < NORTHBOUND_QUARTERLY_SINCE or is_quarter_end_list(day)]


def day_state(day: date) -> DayState:
    """Return the state of a list day: open, southbound_closed (an unchanged list is normal), weather or closed."""
    calendar = southbound_calendar()
    state = calendar.state(day)
    if state is ListDay.WEATHER:
        return DayState(name=state.value, reason=calendar.hong_kong.overrides[day].reason, may_be_empty=True)
    if state is ListDay.CLOSED:
        return DayState.closed("Hong Kong is closed")
    if state is ListDay.SOUTHBOUND_CLOSED:
        return DayState(name=state.value, reason="nothing is settled through the mainland leg")
    return OPEN


def northbound_day_state(day: date) -> DayState:
    """Return the state of a day for northbound: between quarter ends there is no list."""
    if day >= NORTHBOUND_QUARTERLY_SINCE and not is_quarter_end_list(day) and southbound_calendar().list_days(day, day):
        return DayState.closed("northbound lists are published for quarter ends only")
    return day_state(day)


def _parse_holdings(fetched: Fetched, unit: Unit) -> Parsed:
    page = parse.parse_holdings(fetched.body, content_type=fetched.content_type)
    parse.require_market(page, unit.name)
    return Parsed(rows=page.rows.height, covers=DateRange.day(page.stated_date), page=page, unread=page.unread)


def _parse_participants(fetched: Fetched, unit: Unit) -> Parsed:
    page = parse.parse_participants(fetched.body, content_type=fetched.content_type)
    parse.require_stock(page, unit.name)
    return Parsed(rows=page.rows.height, covers=DateRange.day(page.stated_date), page=page, unread=page.unread)
