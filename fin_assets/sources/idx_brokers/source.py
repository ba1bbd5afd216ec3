"""What the source is: its calendar, tables, units, expectations and settings. No network, no parsing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.contract.source import Source, Table, UnitsFrom
from fin_assets.settings import Settings, SourceSettings, base_url, source_settings
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
            # No list has a code in small letters: of such a one nothing would ever be expected, and nothing missed.
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
        return self


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables bound to their two addresses and one set of settings."""

    exchange: str
    brokers: str
    settings: IdxSettings

    def stock_summary(self) -> Table:
        return Table(
            name="stock_summary",
            description="The exchange's daily list of companies: prices, volume and value by board, foreign flow.",
            schema=StockSummary,
            sessions=self._sessions,
            units=_one_list,
            fetch=fetch.json_fetcher(self.exchange, fetch.STOCK_SUMMARY),
            parse=lists.examine_stock_summary,
            stage=lambda units, session: stage.stage_stock_summary(units, session_date=session),
            closed_reason=_never_closed,
            published_after=PUBLISHED_AFTER,
            off_calendar=True,
            checks=dict(checks.STOCK_SUMMARY_CHECKS),
            parser_version=parse.PARSER_VERSION,
        )

    def broker_summary_market(self) -> Table:
        return Table(
            name="broker_summary_market",
            description="The exchange's totals of each broker; every trade counts for its buyer and for its seller.",
            schema=BrokerSummaryMarket,
            sessions=self._sessions,
            units=_one_list,
            fetch=fetch.json_fetcher(self.exchange, fetch.BROKER_SUMMARY),
            parse=lists.examine_broker_summary_market,
            stage=lambda units, session: stage.stage_broker_summary_market(units, session_date=session),
            closed_reason=_never_closed,
            published_after=PUBLISHED_AFTER,
            # Brokers without a trade are not listed: 95 to 97 in early 2021.
            row_band=(0.10, 0.15),
            parser_version=parse.PARSER_VERSION,
        )

    def members(self) -> Table:
        return Table(
            name="members",
            description="The exchange's members and their licenses, as listed when the session was collected.",
            schema=Members,
            sessions=self._sessions,
            units=_one_list,
            present_only=True,
            fetch=fetch.json_fetcher(self.exchange, fetch.MEMBERS),
            parse=lists.examine_members,
            stage=lambda units, session: stage.stage_members(units, session_date=session),
            closed_reason=_never_closed,
            published_after=PUBLISHED_AFTER,
            row_band=(0.10, 0.15),
            parser_version=parse.PARSER_VERSION,
        )

    def broker_trades(self) -> Table:
        own = self.settings
        return Table(
            name="broker_trades",
            description="What each broker bought and sold of each company in a session, by board and kind of investor.",
            schema=BrokerTrades,
            sessions=self._sessions,
            units_from=UnitsFrom(
                table="stock_summary",
                facts=partial(
                    reconcile.facts,
                    boards=own.boards,
                    investors=own.investors,
                    tickers=own.tickers or None,
                    skip=own.skip_tickers,
                ),
                reconcile=partial(reconcile.reconcile_unit, min_coverage=own.min_coverage),
            ),
            fetch=fetch.broker_fetcher(self.brokers),
            parse=parse.examine_broker_trades,
            stage=lambda units, session: stage.stage_broker_trades(units, session_date=session),
            closed_reason=_never_closed,
            published_after=PUBLISHED_AFTER,
            checks=dict(checks.BROKER_TRADES_CHECKS),
            parser_version=parse.PARSER_VERSION,
        )

    @property
    def _sessions(self) -> Callable[[date, date], list[date]]:
        end = self.settings.end

        def sessions(first: date, last: date) -> list[date]:
            return get_calendar(MIC).sessions_in_range(first, last if end is None else min(last, end))

        return sessions


def source(settings: Settings) -> Source:
    """Return the source bound to its settings.

    Raises:
        SettingsError: its section of the settings is wrong.
    """
    own = source_settings(settings, NAME, IdxSettings)
    exchange = base_url(settings, own)
    tables = _Tables(exchange, _broker_url(settings, own), own)
    return Source(
        name=NAME,
        title="IDX broker flow",
        description="Which broker bought and sold how much of each company on the Indonesia Stock Exchange.",
        owner="team:indonesia",
        link="https://www.idx.co.id/en/market-data/trading-summary/broker-summary/",
        timezone=TIMEZONE,
        partition_timezone=EVENING,
        start=own.start,
        end=own.end,
        schedule="10 18 * * *",
        heal_schedule="*/30 * * * *",
        weekly_schedule="0 9 * * 6",
        intraday_schedule="*/30 9-15 * * 1-5" if own.intraday else None,
        base_url=exchange,
        settings=own,
        tables=(tables.stock_summary(), tables.broker_summary_market(), tables.members(), tables.broker_trades()),
    )


def _broker_url(settings: Settings, own: IdxSettings) -> str:
    if own.broker_base_url:
        return own.broker_base_url.rstrip("/")
    return "https://www.indopremier.com" if own.mode == "live" else f"{settings.sandbox_url}/ipot"


def _one_list(_session: date) -> list[str]:
    return ["all"]


def _never_closed(_session: date) -> str | None:
    """A session of the calendar has data. A holiday that was announced late belongs into overrides.toml."""
    return None
