"""The Hong Kong overview: what southbound investors hold, what changed, what entered and left."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import param
import polars as pl
from panel.viewable import Viewable

from dashboards.areas.hk import charts, columns
from dashboards.areas.hk.queries import market
from dashboards.areas.hk.words import never_ran
from dashboards.ui import formats
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart, bars_height, opens
from dashboards.ui.components import Kpi, Tone, card, grid, html, kpi_markup, small, stack, switch
from dashboards.ui.page import BasePage
from dashboards.ui.tables import Table
from dashboards.ui.urlstate import UrlState

BREADTH_SESSIONS = 60

KIND_WORDS = {"new": "▲ new", "returning": "▲ returning", "removed": "▼ removed", "counter_change": "⇄ counter change"}


class OverviewState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=1, objects=[1, 5, 20], doc="sessions of the comparison")
    measure: Any = param.Selector(default="pp", objects=["pp", "pct", "shares"])
    side: Any = param.Selector(default="both", objects=["both", "top", "bottom"])
    count: Any = param.Selector(default=10, objects=[5, 10, 20])
    listed: Any = param.Selector(default=5, objects=[1, 5, 20], doc="sessions of additions and removals")


def additions_table(frame: pl.DataFrame) -> pl.DataFrame:
    """Return additions and removals in the words of the page.

    Columns: session_date, what, stock_code, stock_name, change_shares, pct_of_issued, counter. A counter change says in
    `counter` which other code it belongs to, the ratio and the confidence; it is neither an addition nor a removal.
    """
    other = pl.concat_str([pl.col("linked_stock_code"), pl.col("linked_stock_name")], separator=" ", ignore_nulls=True)
    ratio = (
        pl.when(pl.col("counter_ratio").is_not_null())
        .then(pl.format(", 1 → {}", pl.col("counter_ratio").round(4)))
        .otherwise(pl.lit(""))
    )
    confidence = pl.format(", {} confidence", pl.col("counter_confidence")).fill_null("")
    return frame.select(
        "session_date",
        pl.col("kind").replace(KIND_WORDS).alias("what"),
        "stock_code",
        "stock_name",
        "change_shares",
        "pct_of_issued",
        pl.when(pl.col("linked_stock_code").is_not_null()).then(other + ratio + confidence).alias("counter"),
    )


class Overview(BasePage):
    """The page's content."""

    state: OverviewState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=OverviewState())
        self._movers = Chart(height=400, label="Largest changes of holdings", click=opens(columns.STOCK_PATH))
        self._breadth = Chart(height=250, label="Stocks up and down by session")
        self.charts = (self._movers, self._breadth)
        self._all = Table(
            columns.MOVERS, page_size=15, placeholder="No stock has a base to compare with in this window"
        )
        self._listed = Table(
            columns.LISTED, page_size=8, placeholder="No additions, removals or counter changes in these sessions"
        )
        self._unusual = Table(
            columns.UNUSUAL, page_size=8, placeholder="No change is unusual for its stock on this session"
        )
        self._judged = html("", margin=(0, 0, 4, 0))
        self._mover_note = html("", margin=(0, 0, 4, 0))
        self.tables = {"": self._all, "listed": self._listed, "unusual": self._unusual}
        self._content = self._layout()
        self.state.param.watch(lambda *_: self._show_window(), ["window"])
        self.state.param.watch(lambda *_: self._show_movers(), ["measure", "side", "count"])
        self.state.param.watch(lambda *_: self._show_listed(), ["listed"])
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        title = "Hong Kong southbound holdings"
        if self._session is None:
            return Heading(title=title)
        return Heading(
            title=title,
            subtitle="What mainland investors hold of Hong Kong stocks through Stock Connect, and what changed",
            chips=self.chips(self._session),
        )

    def covers(self) -> dict[str, str]:
        """See `BasePage`."""
        return {"as of": str(self._session)}

    def shown(self) -> Viewable:
        """See `BasePage`."""
        days = market.sessions(self.build)
        self._session = days[-1] if days else None
        if self._session is None:
            return never_ran()
        self._show_window()
        self._show_listed()
        sessions = market.breadth(self.build, session=self._session, last_sessions=BREADTH_SESSIONS)
        self._breadth.draw(charts.breadth(sessions))
        self._unusual.show(market.unusual(self.build, session=self._session))
        judged, changes = market.judged(self.build, session=self._session)
        self._judged.object = small(f"{judged:,} of {changes:,} changes have a history long enough to be judged.")
        return self._content

    def _layout(self) -> pn.Column:
        state = self.state.param
        ranking = card(
            "Movers",
            self._mover_note,
            self._movers.pane,
            note="A bar opens the stock",
            controls=[
                switch(state.window, {"1": 1, "5": 5, "20": 20}, label="Sessions"),
                switch(state.measure, {"pp": "pp", "%": "pct", "Shares": "shares"}, label="Measure"),
                switch(state.side, {"Both": "both", "Top": "top", "Bottom": "bottom"}, label="Side"),
                switch(state.count, {"5": 5, "10": 10, "20": 20}, label="Count"),
            ],
        )
        listed = card(
            "Additions, removals and counter changes",
            self._listed.pane,
            note="Between complete lists only. ⇄ is a suspected temporary counter of a split or consolidation, "
            "not a sale and a new holding",
            controls=[switch(state.listed, {"1": 1, "5": 5, "20": 20}, label="Sessions")],
            footer=self._downloads("additions-removals", self._listed),
        )
        right = stack(
            card(
                "Breadth",
                self._breadth.pane,
                note="Stocks whose holding rose or fell over one session; dotted: southbound closed",
            ),
            listed,
        )
        everything = card(
            "All stocks",
            self._all.pane,
            note="Change over the chosen window; sort by any column",
            footer=self._downloads("movers", self._all),
        )
        unusual = card(
            "Unusual for the stock",
            self._judged,
            self._unusual.pane,
            note="Robust z-score of the one-session change against the stock's own last 60 sessions, 3 or more",
            footer=self._downloads("unusual-changes", self._unusual),
        )
        return stack(self._kpis, grid(ranking, right), everything, unusual)

    def _downloads(self, name: str, table: Table) -> list[Any]:
        def file_name() -> str:
            return f"hk-{name}-{self._session}" + (f"-{self.state.window}s" if name == "movers" else "")

        return self.files(file_name, table)

    def _show_window(self) -> None:
        if self._session is None:
            return
        figures = market.overview(self.build, session=self._session, window=self.state.window)
        self._kpis.object = kpi_markup(overview_kpis(figures, window=self.state.window))
        self._frame = market.movers(self.build, session=self._session, window=self.state.window)
        self._all.show(
            self._frame.sort("change_pp", descending=True, nulls_last=True).with_columns(columns.joined_name())
        )
        self._show_movers()

    def _show_movers(self) -> None:
        if self._session is None:
            return
        ranked = market.rank(self._frame, measure=self.state.measure, side=self.state.side, count=self.state.count)
        self._mover_note.object = base_note(self._frame)
        self._movers.pane.height = bars_height(ranked.height)
        self._movers.draw(charts.movers(ranked, measure=self.state.measure))

    def _show_listed(self) -> None:
        if self._session is not None:
            frame = market.additions_removals(self.build, session=self._session, last_sessions=self.state.listed)
            self._listed.show(additions_table(frame))


def overview_kpis(figures: market.Overview, *, window: int) -> list[Kpi]:
    """Return the tiles of the overview."""
    over = "since the session before" if window == 1 else f"over {window} sessions"
    changed = figures.up + figures.down
    share = formats.percent_1(100 * changed / figures.compared) if figures.compared else formats.MISSING
    breadth = ((figures.up, "--fin-up"), (figures.unchanged, "--fin-closed"), (figures.down, "--fin-down"))
    closed = (
        f"{figures.day_state.replace('_', ' ')}: unchanged is normal"
        if figures.day_state != "open"
        else "southbound was open"
    )
    tiles = [
        Kpi(key="held", label="Stocks held", value=formats.integer(figures.held), hint=closed),
        Kpi(
            key="changed",
            label="Changed",
            value=formats.integer(changed),
            hint=f"{share} of {formats.integer(figures.compared)}",
        ),
        Kpi(key="breadth", label="▲ Up / ▼ down", value=f"{figures.up:,} / {figures.down:,}", hint=over, bar=breadth),
        Kpi(
            key="listed",
            label="Added / removed",
            value=f"{figures.added:,} / {figures.removed:,}",
            hint=_counters(figures.counter_changes),
        ),
    ]
    return [
        *tiles,
        _extreme("rise", "▲ Biggest increase", figures.rise, tone="up"),
        _extreme("fall", "▼ Biggest decrease", figures.fall, tone="down"),
    ]


def _extreme(key: str, label: str, found: market.Extreme | None, *, tone: Tone) -> Kpi:
    if found is None:
        return Kpi(key=key, label=label, value=formats.MISSING, hint="none")
    return Kpi(
        key=key,
        label=label,
        value=formats.points(found.change_pp),
        hint=f"{found.stock_code} {found.stock_name}",
        tone=tone,
        link=f"{columns.STOCK_PATH}{found.stock_code}",
    )


def _counters(count: int) -> str:
    return "no counter change" if count == 0 else f"{count} counter change{'s' if count > 1 else ''} apart"


def base_note(frame: pl.DataFrame) -> str:
    """Return which base the changes really stand on, for all stocks and for those that had to take an older one."""
    known = frame.filter(pl.col("base_date").is_not_null())
    if not known.height:
        return small("No earlier complete list within reach: nothing to compare with.")
    usual = known["base_date"].mode().sort()[-1]
    older = known.filter(pl.col("gap_sessions") > 0).height
    text = f"Compared with {formats.day(usual)}"
    text += f"; {older} stocks with an older list, see their base date" if older else ""
    missing = frame.height - known.height
    text += f"; {missing} without a base are left out" if missing else ""
    return small(f"{text}.")
