"""What the source is: its calendar, tables, units, expectations and settings. No network, no parsing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.collection.acceptance import Reconciled, RowBand, StatesItsSession
from fin_assets.core.contract.calendar import CalendarOf
from fin_assets.core.contract.expecting import each, named_by, present_only
from fin_assets.core.contract.filters import Filter, Listed
from fin_assets.core.contract.site import Site, site_of
from fin_assets.core.contract.source import Schedules, Source, Table
from fin_assets.settings import Settings, SourceSettings, source_settings
from fin_assets.sources.idx_brokers import checks, fetch, lists, parse, reconcile, stage
from fin_assets.sources.idx_brokers.schema import BrokerSummaryMarket, BrokerTrades, Members, StockSummary

NAME = "idx_brokers"
TIMEZONE = "Asia/Jakarta"
MIC = "XIDX"
FIRST_DAY = date(2015, 1, 2)
"""The exchange's lists begin here."""

EVENING = "Etc/GMT-13"
"""Midnight there is 18:00 in Jakarta, when the lists of the same day are out: from then on its partition exists."""

PUBLISHED_AFTER = timedelta(hours=-6)

LIVE_RATE, LIVE_WORKERS = 0.5, 2
"""Users of the broker page pace themselves by two seconds a request."""

ONE_LIST = "all"
"""The only unit of an exchange's list."""

BROKERS_BAND = RowBand(below=0.10, above=0.15)
"""Brokers without a trade are not listed: 95 to 97 in early 2021."""

Board = Literal["all", "RG", "TN", "NG"]
Investor = Literal["all", "F", "D"]


class IdxSettings(SourceSettings):
    """The section `[sources.idx_brokers]`."""

    sandbox_path: str = "/idx"
    live_base_url: str = "https://www.idx.co.id"
    broker_base_url: str | None = Field(
        default=None, description="address of the site with the broker tables; default: what the mode implies"
    )
    start: date = Field(
        default=date(2024, 9, 2), description="first session of the partitions; the lists begin in 2015"
    )
    end: date | None = Field(default=None, description="last session of the partitions; default: open")
    boards: tuple[Board, ...] = Field(
        default=("all",), min_length=1, description="boards of which a broker table is asked for: all, RG, TN, NG"
    )
    investors: tuple[Investor, ...] = Field(
        default=("all",), min_length=1, description="investors of whom a broker table is asked for: all, F, D"
    )
    tickers: tuple[str, ...] = Field(
        default=(), description="stock codes whose broker tables are collected; empty: every one that traded"
    )
    skip_tickers: tuple[str, ...] = Field(
        default=(), description="stock codes that the site of the broker tables does not know"
    )
    min_coverage: float = Field(
        default=reconcile.MIN_COVERAGE,
        gt=0,
        le=1,
        description="share of the exchange's lots that a broker table cut to its top ten must show",
    )
    value_tolerance: float = Field(
        default=reconcile.VALUE_TOLERANCE,
        ge=0,
        lt=1,
        description="share by which the value of a broker table may differ from the exchange's before it is a finding",
    )
    value_limit: float = Field(
        default=reconcile.VALUE_LIMIT,
        ge=0,
        lt=1,
        description="share from which a broker table whose value differs from the exchange's is refused",
    )
    intraday: bool = Field(
        default=False,
        description="also take provisional snapshots of the exchange's lists every half hour of a session",
    )

    @model_validator(mode="before")
    @classmethod
    def _polite_when_live(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("mode") == "live":
            return {"rate_per_second": LIVE_RATE, "workers": LIVE_WORKERS, **values}
        return values

    @field_validator("boards", "investors", "tickers", "skip_tickers", mode="before")
    @classmethod
    def _codes(cls, value: object, info: ValidationInfo) -> object:
        codes = [code.strip() for code in value.split(",") if code.strip()] if isinstance(value, str) else value
        if info.field_name in {"tickers", "skip_tickers"} and isinstance(codes, list | tuple):
            # Lists use upper-case codes; a lower-case one would match nothing, silently.
            codes = [code.upper() if isinstance(code, str) else code for code in codes]
        if isinstance(codes, list | tuple) and len(set(codes)) != len(codes):
            msg = f"{', '.join(map(str, codes))}: something is named twice"
            raise ValueError(msg)
        return tuple(codes) if isinstance(codes, list) else codes

    @model_validator(mode="after")
    def _bounds(self) -> IdxSettings:
        if self.start < FIRST_DAY:
            msg = f"start: the exchange's lists begin on {FIRST_DAY}"
            raise ValueError(msg)
        if self.end is not None and self.end < self.start:
            msg = f"end {self.end} lies before start {self.start}"
            raise ValueError(msg)
        both = sorted({*self.tickers} & {*self.skip_tickers})
        if both:
            msg = f"tickers and skip_tickers both name {', '.join(both)}"
            raise ValueError(msg)
        if self.value_limit < self.value_tolerance:
            msg = f"value_limit {self.value_limit} is below value_tolerance {self.value_tolerance}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables bound to their two sites and one set of settings."""

    exchange: Site
    brokers: Site
    settings: IdxSettings

    def stock_summary(self) -> Table:
        return Table(
            name="stock_summary",
            description="The exchange's daily list of companies: prices, volume and value by board, foreign flow.",
            schema=StockSummary,
            site=self.exchange,
            calendar=self._calendar,
            due=PUBLISHED_AFTER,
            schedules=self._schedules(intraday=True),
            partition_timezone=EVENING,
            expected=each([ONE_LIST]),
            fetch=fetch.json_fetcher(self.exchange.base_url, fetch.STOCK_SUMMARY),
            parse=lists.parsed_by(lists.parse_stock_summary),
            accept=(
                StatesItsSession(),
                RowBand(below=self.settings.row_count_below, above=self.settings.row_count_above),
            ),
            stage=lambda units, session: stage.stage_stock_summary(units, session_date=session),
            off_calendar=True,
            checks=dict(checks.STOCK_SUMMARY_CHECKS),
            parser_version=parse.PARSER_VERSION,
        )

    def broker_summary_market(self) -> Table:
        return Table(
            name="broker_summary_market",
            description="The exchange's totals of each broker; every trade counts for its buyer and for its seller.",
            schema=BrokerSummaryMarket,
            site=self.exchange,
            calendar=self._calendar,
            due=PUBLISHED_AFTER,
            schedules=self._schedules(intraday=True),
            partition_timezone=EVENING,
            expected=each([ONE_LIST]),
            fetch=fetch.json_fetcher(self.exchange.base_url, fetch.BROKER_SUMMARY),
            parse=lists.parsed_by(lists.parse_broker_summary),
            accept=(StatesItsSession(), BROKERS_BAND),
            stage=lambda units, session: stage.stage_broker_summary_market(units, session_date=session),
            parser_version=parse.PARSER_VERSION,
        )

    def members(self) -> Table:
        one_list = each([ONE_LIST])
        return Table(
            name="members",
            description="The exchange's members and their licenses, as listed when the session was collected.",
            schema=Members,
            site=self.exchange,
            calendar=self._calendar,
            due=PUBLISHED_AFTER,
            schedules=self._schedules(),
            partition_timezone=EVENING,
            expected=present_only(
                "members", one_list, calendar=self._calendar, due=PUBLISHED_AFTER, end=self.settings.end
            ),
            fetch=fetch.json_fetcher(self.exchange.base_url, fetch.MEMBERS),
            parse=lists.parsed_by(lists.parse_members),
            accept=(BROKERS_BAND,),
            stage=lambda units, session: stage.stage_members(units, session_date=session),
            parser_version=parse.PARSER_VERSION,
        )

    def broker_trades(self) -> Table:
        own, listed = self.settings, Listed(table="stock_summary", column="ticker_code")
        facts = partial(
            reconcile.facts,
            boards=own.boards,
            investors=own.investors,
            tickers=own.tickers or None,
            skip=own.skip_tickers,
        )
        return Table(
            name="broker_trades",
            description="What each broker bought and sold of each company in a session, by board and kind of investor.",
            schema=BrokerTrades,
            site=self.brokers,
            calendar=self._calendar,
            due=PUBLISHED_AFTER,
            schedules=self._schedules(),
            partition_timezone=EVENING,
            expected=named_by("stock_summary", facts),
            needs=("stock_summary",),
            fetch=fetch.broker_fetcher(self.brokers.base_url),
            parse=parse.parse_broker_trades,
            accept=(
                partial(reconcile.complete_if_promised, value_limit=own.value_limit),
                StatesItsSession(empty_may_be_undated=True),
                Reconciled(
                    partial(reconcile.reconcile_unit, min_coverage=own.min_coverage, value_limit=own.value_limit)
                ),
            ),
            stage=lambda units, session: stage.stage_broker_trades(units, session_date=session),
            filters=(
                Filter(setting="tickers", names=own.tickers, listed=listed),
                Filter(setting="skip_tickers", names=own.skip_tickers, listed=listed, leaves_out=True),
            ),
            checks=checks.broker_trades_checks(value_tolerance=own.value_tolerance),
            parser_version=parse.PARSER_VERSION,
        )

    @property
    def _calendar(self) -> CalendarOf:
        # A session of the calendar has data. A holiday that was announced late belongs into the overrides.
        exchange = get_calendar(MIC)
        return CalendarOf(
            timezone=TIMEZONE, days=exchange.sessions, state=exchange.day_state, end=self.settings.end, mic=MIC
        )

    def _schedules(self, *, intraday: bool = False) -> Schedules:
        snapshots = "*/30 9-15 * * 1-5" if intraday and self.settings.intraday else None
        return Schedules(daily="10 18 * * *", weekly="0 9 * * 6", intraday=snapshots)


def source(settings: Settings) -> Source:
    """Return the source bound to its settings.

    Raises:
        SettingsError: its section of the settings is wrong.
    """
    own = source_settings(settings, NAME, IdxSettings)
    exchange = site_of(settings, own, name="idx", transport="browser")
    brokers = site_of(settings, own, name="indopremier", transport="browser", address=_broker_url(settings, own))
    tables = _Tables(exchange, brokers, own)
    return Source(
        name=NAME,
        title="IDX broker flow",
        description="Which broker bought and sold how much of each company on the Indonesia Stock Exchange.",
        owner="team:indonesia",
        link="https://www.idx.co.id/en/market-data/trading-summary/broker-summary/",
        timezone=TIMEZONE,
        start=own.start,
        end=own.end,
        settings=own,
        tables=(tables.stock_summary(), tables.broker_summary_market(), tables.members(), tables.broker_trades()),
    )


def _broker_url(settings: Settings, own: IdxSettings) -> str:
    if own.broker_base_url:
        return own.broker_base_url.rstrip("/")
    return "https://www.indopremier.com" if own.mode == "live" else f"{settings.sandbox_url}/ipot"
