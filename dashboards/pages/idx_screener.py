"""The screener: stocks that a preset finds on a session, and what became of what it found before."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
import polars as pl

from dashboards import formats, ranges
from dashboards.components import DateChoice, card, choices, html, stack
from dashboards.pages import idx_common
from dashboards.pages.idx_common import SMALL, SOURCE, TABLE
from dashboards.queries import idx, idx_screener, ops
from dashboards.queries.idx_screener import ALL, PRESETS
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from dashboards.urlstate import UrlState

FEW_CASES = 30
"""Below so many cases a hit rate is noise, and the page says so. Range 20 to 100."""


class ScreenerState(UrlState):
    """The reader's choices."""

    preset: Any = param.Selector(default=ALL, objects=[ALL, *PRESETS])
    asof: Any = param.CalendarDate(default=None, doc="session; None is the newest")


class Screener:
    """The page's content."""

    def __init__(self, snapshot: Snapshot, *, query: Mapping[str, str], origin: str) -> None:
        self.state = ScreenerState()
        self.state.load(query)
        self._origin = origin
        self._session: Any = None
        self._asof = DateChoice(self.state, "asof", label="As of")
        self._preset = pmui.Select.from_param(
            self.state.param.preset,
            options={"All stocks": ALL} | {preset.title: key for key, preset in PRESETS.items()},
            label="Preset",
            description=None,
            size="small",
            margin=0,
            width=250,
            sizing_mode=None,
        )
        self._note = html("", styles={"flex": "1 1 200px", "min-width": "0"}, sizing_mode=None)
        self._verdict = html("", margin=(0, 0, 8, 0))
        self._found = Table(_STOCK_COLUMNS, page_size=25, placeholder="No stock meets this preset on this session")
        self._rates = Table(_RATE_COLUMNS, page_size=12, placeholder="No signal has a known outcome yet")
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(lambda *_: self._show(), ["preset", "asof"])
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        title = "Indonesia screener"
        if not self._sessions:
            return Heading(title=title)
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=self._sessions[-1])
        chips = origin_chips(
            self._snapshot,
            source=self._origin,
            as_of=formats.day(self._sessions[-1]),
            quality=quality,
            zone=formats.JAKARTA,
        )
        return Heading(
            title=title,
            subtitle="Signals beside what they were worth: hit rate, base rate, number of cases",
            chips=chips,
        )

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._sessions = idx.sessions(snapshot)
        self._show()
        self.view.objects = [self._content] if self._session else [idx_common.never_ran()]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`. Tables follow by style sheet."""

    def _show(self) -> None:
        self._session = ranges.at_or_before(self._sessions, self.state.asof)
        if self._session is None:
            return
        self._asof.offer(self._sessions, shown=self._session, rest=self._sessions[-1])
        frame = idx_screener.stocks(self._snapshot, session=self._session, preset=self.state.preset)
        rates = idx_screener.rates(self._snapshot)
        found = idx_screener.found(self._snapshot, session=self._session)
        self._found.show(frame)
        self._rates.show(named_rates(rates, found))
        self._note.object = SMALL.format(f"{frame.height:,} stocks on {formats.day(self._session)}")
        self._verdict.object = verdict(self.state.preset, rates)

    def _layout(self) -> pn.Column:
        row = choices(
            self._preset,
            self._asof.pane,
            self._note,
        )

        def files(name: str, table: Table) -> list[Any]:
            return downloads(
                lambda: f"idx-{name}-{self.state.preset}-{self._session}",
                lambda: table.frame,
                lambda: idx_common.about(
                    self._snapshot,
                    self._origin,
                    ranges.Range(sessions=(self._session,)) if self._session else None,
                ),
            )

        stocks = card(
            "Stocks",
            self._verdict,
            self._found.pane,
            note="Sort by any column; a code opens the stock",
            footer=files("screener", self._found),
        )
        rates = card(
            "What the signals were worth",
            self._rates.pane,
            note="Hit rate: how often the price stood on the signal's side after 5 or 20 sessions. Base rate: how often "
            "it did for any stock on any session. Only the difference is the signal's own, and few cases prove nothing",
            footer=files("base-rates", self._rates),
        )
        return stack(row, stocks, rates)


def verdict(preset: str, rates: pl.DataFrame) -> str:
    """Return what a preset means, and its rates in words."""
    if preset == ALL:
        return ""
    known = PRESETS[preset]
    lines = [escape(known.meaning)]
    for row in rates.filter((pl.col("signal") == preset) & (pl.col("cases") > 0)).iter_rows(named=True):
        few = " — too few to mean anything" if row["cases"] < FEW_CASES else ""
        lines.append(
            f"After {row['horizon_sessions']} sessions: hit rate <b>{formats.percent(row['hit_rate_pct'], 1)}</b> against "
            f"a base rate of <b>{formats.percent(row['base_rate_pct'], 1)}</b>, {formats.integer(row['cases'])} cases{few}."
        )
    if len(lines) == 1:
        lines.append("No case has a known outcome yet: its worth is not known.")
    text = "".join(f"<p>{line}</p>" for line in lines)
    return f'<div data-verdict="{escape(preset)}" class="muted" style="font-size:13px">{text}</div>'


def named_rates(rates: pl.DataFrame, found: Mapping[str, int]) -> pl.DataFrame:
    """Return the rates in the words of the page: signal and horizon, stocks now, hit and base rate, their difference."""
    titles = {key: preset.title for key, preset in PRESETS.items()}
    return rates.with_columns(
        pl.col("signal").replace(titles).alias("title"),
        pl.col("signal").replace_strict(dict(found), default=0, return_dtype=pl.Int64).alias("now"),
    )


_STOCK_COLUMNS = (
    Column(field="ticker_code", title="Code", kind="ticker", width=64),
    Column(field="name", title="Name", width=120, grow=4),
    Column(field="close_idr", title="Price", kind="integer", width=66),
    Column(field="change_pct", title="Change", kind="signed_pct", width=92),
    Column(field="value_idr", title="Value", kind="rupiah", width=72),
    Column(field="label_1", title="Top Acc/Dist", kind="accdist", width=104),
    Column(field="label_5", title="1-week Acc/Dist", kind="accdist", width=104),
    Column(field="label_20", title="1-month Acc/Dist", kind="accdist", width=104),
    Column(field="net_foreign_value_idr", title="Net Foreign", kind="signed_rupiah", width=92),
    Column(field="streak", title="Net Foreign Buy Streak", kind="signed", width=92),
    Column(field="flow_5_idr", title="1-week flow", kind="signed_rupiah", width=92),
    Column(field="flow_20_idr", title="1-month flow", kind="signed_rupiah", width=92),
    Column(field="ma10_idr", title="Net Foreign MA10", kind="signed_rupiah", width=92),
    Column(field="ma20_idr", title="Net Foreign MA20", kind="signed_rupiah", width=92),
    Column(field="signals", title="Signals", width=108, grow=1),
)
_RATE_COLUMNS = (
    Column(field="title", title="Signal", width=180, grow=3),
    Column(field="now", title="Stocks now", kind="integer", width=84),
    Column(field="expects", title="Expects", width=76),
    Column(field="horizon_sessions", title="After sessions", kind="integer", width=98),
    Column(field="hit_rate_pct", title="Hit rate", kind="pct", width=80),
    Column(field="base_rate_pct", title="Base rate", kind="pct", width=80),
    Column(field="edge_pp", title="Difference", kind="signed_pp", width=110),
    Column(field="median_excess_pct", title="Median excess", kind="signed_pct", width=112),
    Column(field="cases", title="Cases", kind="integer", width=70),
)
