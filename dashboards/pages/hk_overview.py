"""The Hong Kong overview: what southbound investors hold, what changed, what entered and left."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import param
import polars as pl

from dashboards import charts, formats
from dashboards.components import Chart, Kpi, card, empty_state, grid, html, kpi_markup, stack, switch
from dashboards.queries import hk, ops
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from dashboards.urlstate import UrlState

SOURCE, TABLE = "hkex_southbound", "holdings"
SMALL = '<p class="muted" style="font-size:12px">{}</p>'
BREADTH_SESSIONS = 60
BAR_PIXELS, CHART_MARGIN = 29, 46

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


class Overview:
    """The page's content."""

    def __init__(self, snapshot: Snapshot, *, query: Mapping[str, str], origin: str) -> None:
        self.state = OverviewState()
        self.state.load(query)
        self._origin = origin
        self._snapshot = snapshot
        self._kpis = html("")
        self._movers = Chart(height=400, label="Largest changes of holdings", click=charts.OPEN_STOCK)
        self._breadth = Chart(height=250, label="Stocks up and down by session")
        self._all = Table(
            _MOVER_COLUMNS, page_size=15, placeholder="No stock has a base to compare with in this window"
        )
        self._listed = Table(
            _LISTED_COLUMNS, page_size=8, placeholder="No additions, removals or counter changes in these sessions"
        )
        self._unusual = Table(
            _UNUSUAL_COLUMNS, page_size=8, placeholder="No change is unusual for its stock on this session"
        )
        self._judged = html("", margin=(0, 0, 4, 0))
        self._mover_note = html("", margin=(0, 0, 4, 0))
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(lambda *_: self._show_window(), ["window"])
        self.state.param.watch(lambda *_: self._show_movers(), ["measure", "side", "count"])
        self.state.param.watch(lambda *_: self._show_listed(), ["listed"])
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        if self._session is None:
            return Heading(title="Hong Kong southbound holdings")
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=self._session)
        chips = origin_chips(self._snapshot, source=self._origin, as_of=formats.day(self._session), quality=quality)
        return Heading(
            title="Hong Kong southbound holdings",
            subtitle="What mainland investors hold of Hong Kong stocks through Stock Connect, and what changed",
            chips=chips,
        )

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        days = hk.sessions(snapshot)
        self._session = days[0] if days else None
        if self._session is None:
            self.view.objects = [never_ran()]
            return
        self._show_window()
        self._show_listed()
        self._breadth.draw(charts.breadth(hk.breadth(snapshot, session=self._session, last_sessions=BREADTH_SESSIONS)))
        self._unusual.show(hk.unusual(snapshot, session=self._session))
        judged, changes = hk.judged(snapshot, session=self._session)
        self._judged.object = SMALL.format(
            f"{judged:,} of {changes:,} changes have a history long enough to be judged."
        )
        self.view.objects = [self._content]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`."""
        self._movers.restyle(colours)
        self._breadth.restyle(colours)

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
        return downloads(
            lambda: (
                f"hk-{name}-{self._session}-{self.state.window}s" if name == "movers" else f"hk-{name}-{self._session}"
            ),
            lambda: table.frame,
            lambda: about(self._snapshot, self._origin, str(self._session)),
        )

    def _show_window(self) -> None:
        if self._session is None:
            return
        figures = hk.overview(self._snapshot, session=self._session, window=self.state.window)
        self._kpis.object = kpi_markup(overview_kpis(figures, window=self.state.window))
        self._frame = hk.movers(self._snapshot, session=self._session, window=self.state.window)
        self._all.show(self._frame.sort("change_pp", descending=True, nulls_last=True).with_columns(joined_name()))
        self._show_movers()

    def _show_movers(self) -> None:
        if self._session is None:
            return
        ranked = hk.rank(self._frame, measure=self.state.measure, side=self.state.side, count=self.state.count)
        self._mover_note.object = base_note(self._frame)
        self._movers.pane.height = max(170, ranked.height * BAR_PIXELS + CHART_MARGIN)
        self._movers.draw(charts.movers(ranked, measure=self.state.measure))

    def _show_listed(self) -> None:
        if self._session is not None:
            frame = hk.additions_removals(self._snapshot, session=self._session, last_sessions=self.state.listed)
            self._listed.show(additions_table(frame))


def overview_kpis(figures: hk.Overview, *, window: int) -> list[Kpi]:
    """Return the tiles of the overview."""
    over = "since the session before" if window == 1 else f"over {window} sessions"
    changed = figures.up + figures.down
    share = formats.percent(100 * changed / figures.compared, 1) if figures.compared else formats.MISSING
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
    for key, label, extreme, tone in (
        ("rise", "▲ Biggest increase", figures.rise, "up"),
        ("fall", "▼ Biggest decrease", figures.fall, "down"),
    ):
        tiles.append(
            Kpi(key=key, label=label, value=formats.MISSING, hint="none")
            if extreme is None
            else Kpi(
                key=key,
                label=label,
                value=formats.points(extreme.change_pp),
                hint=f"{extreme.stock_code} {extreme.stock_name}",
                tone="up" if tone == "up" else "down",
                link=f"/hk/stock/{extreme.stock_code}",
            )
        )
    return tiles


def _counters(count: int) -> str:
    return "no counter change" if count == 0 else f"{count} counter change{'s' if count > 1 else ''} apart"


def base_note(frame: pl.DataFrame) -> str:
    """Return which base the changes really stand on, for all stocks and for those that had to take an older one."""
    known = frame.filter(pl.col("base_date").is_not_null())
    if not known.height:
        return SMALL.format("No earlier complete list within reach: nothing to compare with.")
    usual = known["base_date"].mode().sort()[-1]
    older = known.filter(pl.col("gap_sessions") > 0).height
    text = f"Compared with {formats.day(usual)}"
    text += f"; {older} stocks with an older list, see their base date" if older else ""
    missing = frame.height - known.height
    text += f"; {missing} without a base are left out" if missing else ""
    return SMALL.format(f"{text}.")


def joined_name() -> pl.Expr:
    """Return both names in one column `name`."""
    return pl.concat_str([pl.col("stock_name"), pl.col("other_name")], separator=" ", ignore_nulls=True).alias("name")


def about(snapshot: Snapshot, origin: str, as_of: str) -> dict[str, str]:
    """Return what an exported file states about itself."""
    return {
        "as of": as_of,
        "source": origin,
        "build": snapshot.build_id,
        "published": formats.instant(snapshot.created_at),
        "note": "Holdings settle T+2; a change is implied flow, not a trade record.",
    }


def never_ran() -> pn.Column:
    """Return the content while the source has delivered nothing."""
    return empty_state(
        "No southbound list has been collected yet",
        ["A build is published, but hkex_southbound has no complete session in it. Collect some sessions:"],
        ["fin run hkex_southbound --from 2026-09-01", "fin status hkex_southbound"],
        [("See the state of every session", "/data")],
    )


_MOVER_COLUMNS = (
    Column(field="stock_code", title="Code", kind="code", width=70),
    Column(field="name", title="Name", width=140, grow=4),
    Column(field="shareholding_shares", title="Holding, shares", kind="integer", width=130),
    Column(field="pct_of_issued", title="% of issued", kind="pct", width=96),
    Column(field="change_shares", title="Change, shares", kind="signed", width=140),
    Column(field="change_pct", title="Change, %", kind="signed_pct", width=110),
    Column(field="change_pp", title="Change, pp", kind="signed_pp", width=110),
    Column(field="base_date", title="Base date", kind="date", width=96),
    Column(field="gap_sessions", title="Gap", kind="integer", width=60),
)
_LISTED_COLUMNS = (
    Column(field="session_date", title="Session", kind="date", width=88),
    Column(field="what", title="What", width=124),
    Column(field="stock_code", title="Code", kind="code", width=62),
    Column(field="stock_name", title="Name", width=120, grow=2),
    Column(field="change_shares", title="Shares", kind="signed", width=118),
    Column(field="counter", title="Other counter", width=130, grow=2),
)
_UNUSUAL_COLUMNS = (
    Column(field="stock_code", title="Code", kind="code", width=70),
    Column(field="stock_name", title="Name", width=180, grow=2),
    Column(field="change_pp", title="Change, pp", kind="signed_pp", width=110),
    Column(field="change_shares", title="Change, shares", kind="signed", width=140),
    Column(field="robust_z", title="z", kind="number", width=70),
    Column(field="largest_in_sessions", title="Largest in sessions", kind="integer", width=130),
    Column(field="observations", title="Observations", kind="integer", width=100),
)
