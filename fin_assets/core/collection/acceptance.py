"""Rules between parsing and storing that any source may use. A source's own rules are in its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fin_assets import clock
from fin_assets.core.collection.row_baseline import RowBaseline
from fin_assets.core.contract.failures import StaleDate
from fin_assets.core.contract.source import Context, DateRange, Fetched, Parsed, Table, Unit, due_at


@dataclass(frozen=True, slots=True)
class Situation:
    """The `Context` of one fetched unit."""

    table: Table
    day: date
    fetched: Fetched
    baseline: RowBaseline

    def may_be_empty(self) -> str | None:
        """Return why the day may have nothing, once it is due: before that, a list that is merely late looks the same."""
        if clock.now() < due_at(self.table, self.day):
            return None
        state = self.table.calendar.day_state(self.day)
        return (state.reason or state.name) if state.may_be_empty else None

    def require_whole(self, unit: str, rows: int) -> None:
        """Raise HalfTable if rows are missing against complete partitions around this one."""
        self.baseline.require_whole(unit, self.day, rows, body=self.fetched.body)


def accepted(table: Table, unit: Unit, parsed: Parsed, situation: Situation) -> Parsed:
    """Return a parsed unit after every rule of its table.

    Raises:
        CollectionFailure: a rule does not accept it.
    """
    for rule in table.accept:
        parsed = rule(parsed, unit, situation)
        if parsed.closed_reason is not None:
            # The partition has nothing: there is nothing left to judge.
            break
    return parsed


@dataclass(frozen=True, slots=True)
class StatesItsSession:
    """The answer is about the session that was asked for, by its own words; a site that shows another one has none of it.

    Attributes:
        empty_may_be_undated: an answer without rows need state no date; a later rule must prove that it may be empty.
    """

    empty_may_be_undated: bool = False

    def __call__(self, parsed: Parsed, unit: Unit, context: Context) -> Parsed:
        """Return `parsed`; with `closed_reason` if the calendar explains why the session has nothing.

        Raises:
            StaleDate: the answer states another date, and no calendar explains it.
        """
        covers = parsed.covers
        if covers is not None and covers.is_day(context.day):
            return parsed
        if covers is None and parsed.rows == 0 and self.empty_may_be_undated:
            return parsed
        states = covers or "no date"
        reason = context.may_be_empty()
        if reason is not None and covers is not None:
            return replace(parsed, closed_reason=f"{reason}; the page states {covers}")
        msg = f"{unit.name}: asked for {context.day}, the page states {states}, and no calendar explains it"
        raise StaleDate(msg, body=context.fetched.body, belongs_to=_one_day(covers))


@dataclass(frozen=True, slots=True)
class RowBand:
    """The unit has about as many rows as in complete sessions around it (H6). Shares of the median, 0 to 1."""

    below: float
    above: float

    def __call__(self, parsed: Parsed, unit: Unit, context: Context) -> Parsed:
        """Return `parsed`.

        Raises:
            HalfTable: rows are missing. Too many rows are a finding of the staged check `row_count_in_band`.
        """
        context.require_whole(unit.name, parsed.rows)
        return parsed


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The unit agrees with what another table knows of it: stronger than a band of its row count.

    Attributes:
        compare: (parsed, unit, its fact) -> parsed, with its coverage or with the reason why it is right that it is empty;
            raises CollectionFailure where they contradict each other; pure.
    """

    compare: Callable[[Parsed, str, Any], Parsed]

    def __call__(self, parsed: Parsed, unit: Unit, context: Context) -> Parsed:
        """Return what `compare` returns."""
        del context
        return self.compare(parsed, unit.name, unit.fact)


def row_band(table: Table) -> RowBand | None:
    """Return the row band of a table, or None if its row counts are not judged."""
    return next((rule for rule in table.accept if isinstance(rule, RowBand)), None)


def states_sessions(table: Table) -> bool:
    """Return whether answers of a table must state the session that they are stored under."""
    return any(isinstance(rule, StatesItsSession) for rule in table.accept)


def _one_day(covers: DateRange | None) -> date | None:
    return covers.first if covers is not None and covers.is_one_day else None
