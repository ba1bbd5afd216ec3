"""Accepted units of one session -> typed rows, sorted by their grain. Pure and deterministic: same units, same rows.

Which units a session must have, and that all are there, was decided before; nothing is fetched or written here. What only
several pages together can show, they show here: boards and investor types that do not add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

import polars as pl

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.core.contract.schema import dy
from fin_assets.core.contract.source import Accepted, Staged
from fin_assets.core.contract.staging import RULE, staged
from fin_assets.sources.idx_brokers.agree import require_parts_agree
from fin_assets.sources.idx_brokers.parse import BrokerPage, SideRow, split_unit
from fin_assets.sources.idx_brokers.schema import (
    NOT_A_SESSION,
    BrokerSummaryMarket,
    BrokerTrades,
    Members,
    StockSummary,
)

MIC = "XIDX"
_UTC = pl.Datetime("us", "UTC")
_WHOLE = 100.0
_SIDE = ("lots", "lots_step", "value_idr", "value_step_idr", "average_idr")
_NO_SIDE: tuple[None, ...] = (None,) * len(_SIDE)


def stage_stock_summary(units: Sequence[Accepted], *, session_date: date) -> Staged:
    """Return the exchange's list of a session; columns and rules as `schema.StockSummary`.

    A day that is no session of the exchange's calendar (a test session that the site serves on a Saturday) goes into
    quarantine whole, under the rule `not_a_session`.

    Args:
        units: the list, as `lists.DayList`.
        session_date: the day that it is of.
    """
    return _stage_list(units, session_date, StockSummary)


def stage_broker_summary_market(units: Sequence[Accepted], *, session_date: date) -> Staged:
    """Return the brokers' totals of a session; columns and rules as `schema.BrokerSummaryMarket`."""
    return _stage_list(units, session_date, BrokerSummaryMarket)


def stage_members(units: Sequence[Accepted], *, session_date: date) -> Staged:
    """Return the exchange's members as they were when the list was fetched; columns and rules as `schema.Members`."""
    return _stage_list(units, session_date, Members)


def stage_broker_trades(units: Sequence[Accepted], *, session_date: date) -> Staged:
    """Return what each broker bought and sold; columns and rules as `schema.BrokerTrades`.

    A list counts as complete if its own totals prove it, if its coverage is exactly 100, or if it has neither a link to more
    rows nor exactly the ten that a cut list has.

    Args:
        units: pages named ticker/board/investor, in any order, each reconciled.
        session_date: the session.

    Raises:
        Unreconciled: boards or investor types of a ticker contradict each other; `units` names all of its pages.
        ValueError: a unit is not named ticker/board/investor.
    """
    frame = _columns(_page_rows(units), BrokerTrades, session_date)
    require_parts_agree(frame, [unit.unit for unit in units])
    return _staged(frame, BrokerTrades, session_date)


def _stage_list(units: Sequence[Accepted], session_date: date, schema: type[dy.Schema]) -> Staged:
    frames = [
        unit.parsed.page.rows.with_columns(
            session_date=pl.lit(session_date), observed_at=pl.lit(unit.fetched_at, dtype=_UTC)
        ).select(schema.column_names())
        for unit in units
    ]
    return _staged(pl.concat(frames) if frames else schema.create_empty(), schema, session_date)


def _staged(rows: pl.DataFrame, schema: type[dy.Schema], session_date: date) -> Staged:
    if rows.height and not get_calendar(MIC).is_session(session_date):
        refused = rows.with_columns(pl.lit(NOT_A_SESSION).alias(RULE))
        return Staged(frame=schema.create_empty(), quarantine=refused.sort(schema.primary_key()))
    return staged(rows, schema)


def _page_rows(units: Iterable[Accepted]) -> Iterator[tuple[object, ...]]:
    """Yield a tuple in the order of `schema.BrokerTrades`, without its session, for each broker of each page."""
    for unit in units:
        page = unit.parsed.page
        if isinstance(page, BrokerPage):
            coverage_pct = unit.parsed.coverage_pct
            yield from _rows_of(page, split_unit(unit.unit), unit.fetched_at, coverage_pct=coverage_pct)


def _rows_of(
    page: BrokerPage, key: tuple[str, str, str], observed_at: datetime, *, coverage_pct: float | None
) -> Iterator[tuple[object, ...]]:
    buy, sell = ({row.broker: row for row in side} for side in (page.buy, page.sell))
    totals = _totals(page)
    whole = coverage_pct == _WHOLE or not page.maybe_cut or page.proves_itself
    bought, sold = page.visible_lots
    for broker in sorted(buy.keys() | sell.keys()):
        left, right = buy.get(broker), sell.get(broker)
        kind = (left or sell[broker]).kind
        yield (*key, broker, kind, *_figures(left), *_figures(right), *totals, whole, bought, sold, observed_at)


def _figures(row: SideRow | None) -> tuple[object, ...]:
    if row is None:
        return _NO_SIDE
    # Texts become decimals in one step for the whole column, which is thirty times as fast as one by one.
    return (
        row.lots.value,
        row.lots.step,
        row.value.value,
        row.value.step,
        None if row.average is None else str(row.average),
    )


def _totals(page: BrokerPage) -> tuple[object, ...]:
    footer = page.footer
    if footer is None:
        return (None,) * 7
    average = None if footer.average is None else str(footer.average)
    numbers = (footer.value, footer.foreign_net_value, footer.lots)
    pairs = ((None, None) if number is None else (number.value, number.step) for number in numbers)
    return (*(part for pair in pairs for part in pair), average)


def _columns(rows: Iterable[tuple[object, ...]], schema: type[dy.Schema], session_date: date) -> pl.DataFrame:
    """Return rows as a frame with the columns of `schema`; decimals come as texts."""
    types = {name: column.dtype for name, column in schema.columns().items() if name != "session_date"}
    texts = {name: pl.String() if isinstance(dtype, pl.Decimal) else dtype for name, dtype in types.items()}
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return pl.DataFrame(
        [pl.Series(name, values, dtype=dtype) for (name, dtype), values in zip(texts.items(), columns, strict=True)]
    ).select(
        pl.lit(session_date).alias("session_date"),
        *(pl.col(name).cast(dtype) if isinstance(dtype, pl.Decimal) else pl.col(name) for name, dtype in types.items()),
    )
