"""The screener: stocks that a preset finds on a session, and the returns after its earlier signals."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
import polars as pl
from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.areas.idx import columns, words
from dashboards.areas.idx.queries import market, screener
from dashboards.areas.idx.queries.screener import ALL, PRESETS
from dashboards.ui import formats
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import card, choices, html, joined, small, stack
from dashboards.ui.listing import Listing, ListState
from dashboards.ui.page import RangePage
from dashboards.ui.tables import Table

FEW_CASES = 30
"""Unit: cases. With fewer a hit rate is noise, and the page labels it. Range 20 to 100."""


class ScreenerState(ListState):
    """The reader's choices."""

    preset: Any = param.Selector(default=ALL, objects=[ALL, *PRESETS])
    asof: Any = param.CalendarDate(default=None, doc="session; None is the newest")


class Screener(RangePage):
    """The page's content."""

    state: ScreenerState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=ScreenerState())
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
        self._verdict = html("", margin=(0, 0, 8, 0))
        self._found = Table(columns.SCREENED, page_size=25, placeholder="No stock meets this preset on this session")
        self._listing = Listing(
            self.state,
            self._found,
            example="Value > 10B, Change < 0, streak",
            left_out=("flow_20_idr", "ma10_idr", "ma20_idr"),
        )
        self._rates = Table(columns.RATES, page_size=12, placeholder="No signal has a known outcome yet")
        self.tables = {"": self._found, "rates": self._rates}
        self._content = self._layout()
        self.state.param.watch(lambda *_: self._show(), ["preset", "asof"])
        self.state.param.watch(lambda *_: self._count(), ["where"])
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        title = "Indonesia screener"
        if not self.sessions:
            return Heading(title=title)
        subtitle = "Signals beside what they were worth: hit rate, base rate, number of cases"
        return Heading(title=title, subtitle=subtitle, chips=self.chips(self.sessions[-1]))

    def shown(self) -> Viewable:
        """See `BasePage`."""
        self.sessions = market.sessions(self.build)
        self._show()
        return self._content if self.range else words.never_ran()

    def _show(self) -> None:
        found = self.find_range()
        if found is None:
            return
        frame = screener.stocks(self.build, session=found.end, preset=self.state.preset)
        rates = screener.rates(self.build)
        self._listing.show(frame)
        self._rates.show(named_rates(rates, screener.found(self.build, session=found.end)))
        self._of = frame.height
        self._count()
        self._verdict.object = verdict(self.state.preset, rates)

    def _count(self) -> None:
        kept = f"{self._listing.rows:,} of " if self._listing.rows != self._of else ""
        day = formats.day(self.end)
        asked = self.state.asof
        other = f"; {formats.day(asked)} has no session" if asked not in (None, self.end) else ""
        self.note.object = small(f"{kept}{self._of:,} stocks on {day}{other}")

    def _layout(self) -> pn.Column:
        row = choices(
            self._preset,
            self.asof.pane,
            self._listing.filter,
            self._listing.columns,
            self.note,
        )

        def files(name: str, table: Table) -> list[Any]:
            return self.files(lambda: f"idx-{name}-{self.state.preset}-{self.end}", table)

        stocks = card(
            "Stocks",
            self._verdict,
            self._listing.problem,
            self._found.pane,
            note="Sort by any column; a code opens the stock. A filter is conditions with commas between them, as Value > 10B, "
            "Top Acc/Dist ~ acc; a word alone finds names and signals",
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


_RATE = Markup(
    "<p>After {horizon} sessions: hit rate <b>{hits}</b> against a base rate of <b>{base}</b>, {cases} cases{few}.</p>"
)


def verdict(preset: str, rates: pl.DataFrame) -> Markup:
    """Return what a preset means, and its rates in words."""
    if preset == ALL:
        return Markup("")
    lines = [
        _RATE.format(
            horizon=row["horizon_sessions"],
            hits=formats.percent_1(row["hit_rate_pct"]),
            base=formats.percent_1(row["base_rate_pct"]),
            cases=formats.integer(row["cases"]),
            few=" — too few to mean anything" if row["cases"] < FEW_CASES else "",
        )
        for row in rates.filter((pl.col("signal") == preset) & (pl.col("cases") > 0)).iter_rows(named=True)
    ] or [Markup("<p>No case has a known outcome yet: its worth is not known.</p>")]
    return Markup('<div data-verdict="{}" class="muted" style="font-size:13px"><p>{}</p>{}</div>').format(
        preset, PRESETS[preset].meaning, joined(lines)
    )


def named_rates(rates: pl.DataFrame, found: Mapping[str, int]) -> pl.DataFrame:
    """Return the rates in the words of the page: signal and horizon, stocks now, hit and base rate, their difference."""
    titles = {key: preset.title for key, preset in PRESETS.items()}
    return rates.with_columns(
        pl.col("signal").replace(titles).alias("title"),
        pl.col("signal").replace_strict(dict(found), default=0, return_dtype=pl.Int64).alias("now"),
    )
