"""The Indonesian market: value, net foreign, breadth, who is gathered and who is handed out, brokers against stocks."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import param
import polars as pl

from dashboards import charts, formats, idx_charts, ranges
from dashboards.components import Chart, DateChoice, Kpi, card, choices, grid, html, kpi_markup, stack, switch
from dashboards.pages import idx_common
from dashboards.pages.idx_common import SMALL, SOURCE, TABLE
from dashboards.queries import idx, ops
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from dashboards.urlstate import UrlState

CHART_SESSIONS = 60
TILES = 100
MATRIX_SIZE = 30
RANKED = 10
MATRIX_PIXELS, MATRIX_MARGIN = 17, 44
BAR_PIXELS, CHART_MARGIN = 29, 46


class MarketState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=1, objects=[1, 5, 20], doc="sessions that are summed")
    asof: Any = param.CalendarDate(default=None, doc="last session; None is the newest")


class Market:
    """The page's content."""

    def __init__(self, snapshot: Snapshot, *, query: Mapping[str, str], origin: str) -> None:
        self.state = MarketState()
        self.state.load(query)
        self._origin = origin
        self._range: ranges.Range | None = None
        self._kpis = html("")
        self._asof = DateChoice(self.state, "asof", label="As of")
        self._note = html("", styles={"flex": "1 1 260px", "min-width": "0"}, sizing_mode=None)
        self._flow = Chart(height=444, label="Breadth and net foreign value by session")
        self._tiles = Chart(height=420, label="Stocks by value, coloured by pressure", click=idx_charts.OPEN_STOCK)
        self._matrix = Chart(height=500, label="Net value of brokers by stock", click=idx_charts.OPEN_STOCK)
        self._gathered = Chart(height=350, label="Top accumulation", click=idx_charts.OPEN_STOCK)
        self._given = Chart(height=350, label="Top distribution", click=idx_charts.OPEN_STOCK)
        self._all = Table(_STOCK_COLUMNS, page_size=15, placeholder="No stock was traded in this range")
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(lambda *_: self._show(), ["window", "asof"])
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        title = "Indonesia market"
        if self._newest is None:
            return Heading(title=title)
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=self._newest)
        chips = origin_chips(
            self._snapshot,
            source=self._origin,
            as_of=formats.day(self._newest),
            quality=quality,
            zone=formats.JAKARTA,
        )
        return Heading(title=title, subtitle="Who bought and who sold on the Indonesia Stock Exchange", chips=chips)

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._sessions = idx.sessions(snapshot)
        self._newest = self._sessions[-1] if self._sessions else None
        if self._newest is None:
            self.view.objects = [idx_common.never_ran()]
            return
        self._show()
        self.view.objects = [self._content]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`."""
        for chart in (self._flow, self._tiles, self._matrix, self._gathered, self._given):
            chart.restyle(colours)

    def _show(self) -> None:
        found = ranges.resolve(self._sessions, window=self.state.window, since=None, asof=self.state.asof)
        if found is None:
            return
        self._range = found
        self._asof.offer(self._sessions, shown=found.end, rest=self._newest)
        days = ranges.last_sessions(self._sessions, end=found.end, count=CHART_SESSIONS)
        totals = idx.totals(self._snapshot, start=days[0], end=found.end)
        chosen = totals.filter(pl.col("session_date") >= found.start)
        self._kpis.object = kpi_markup(market_kpis(chosen, found))
        self._note.object = SMALL.format(idx_common.range_note(found, self.state.asof))
        self._flow.draw(idx_charts.market(totals))
        stocks = idx.stocks(self._snapshot, start=found.start, end=found.end, window=self.state.window)
        self._all.show(stocks)
        self._tiles.draw(idx_charts.treemap(tiles(stocks, count=TILES)))
        self._show_rankings(stocks)
        self._show_matrix(stocks, found)

    def _show_rankings(self, stocks: pl.DataFrame) -> None:
        gathered, given = idx.ranked(stocks, sign=1, count=RANKED), idx.ranked(stocks, sign=-1, count=RANKED)
        for chart, ranked in ((self._gathered, gathered), (self._given, given)):
            chart.pane.height = max(170, ranked.height * BAR_PIXELS + CHART_MARGIN)
            chart.draw(idx_charts.ranking(ranked))

    def _show_matrix(self, stocks: pl.DataFrame, found: ranges.Range) -> None:
        tickers = stocks.sort("value_idr", "ticker_code", descending=[True, False])["ticker_code"].head(MATRIX_SIZE)
        brokers = idx.largest_brokers(self._snapshot, start=found.start, end=found.end, count=MATRIX_SIZE)
        cells = idx.matrix(self._snapshot, start=found.start, end=found.end, brokers=brokers, tickers=tickers.to_list())
        self._matrix.pane.height = max(4, len(brokers)) * MATRIX_PIXELS + MATRIX_MARGIN
        self._matrix.draw(idx_charts.matrix(cells, brokers=brokers, tickers=tickers.to_list()))

    def _layout(self) -> pn.Column:
        row = choices(
            switch(self.state.param.window, {"1": 1, "5": 5, "20": 20}, label="Sessions"),
            self._asof.pane,
            self._note,
        )
        flow = card(
            "Breadth and Net Foreign",
            self._flow.pane,
            note=f"Stocks up and down, and net value of foreign investors; {CHART_SESSIONS} sessions to the chosen one",
        )
        tiles_card = card(
            "Value and pressure",
            html(idx_common.PRESSURE_LEGEND),
            self._tiles.pane,
            note="A tile is a stock: its size is the traded value, its colour the pressure of the five largest brokers "
            "on either side. A tile opens the stock",
        )
        matrix = card(
            "Brokers and stocks",
            html(idx_common.NET_LEGEND),
            self._matrix.pane,
            note=f"Net value of the {MATRIX_SIZE} largest brokers in the {MATRIX_SIZE} most traded stocks. "
            "A cell opens the stock",
        )
        note = "Amount of the five largest on either side (Top 5). A bar opens the stock"
        files = downloads(
            lambda: f"idx-stocks-{self._range.end if self._range else ''}-{self.state.window}s",
            lambda: self._all.frame,
            lambda: idx_common.about(self._snapshot, self._origin, self._range),
        )
        return stack(
            row,
            self._kpis,
            grid(tiles_card, flow),
            grid(
                card("Top accumulation", self._gathered.pane, note=note),
                card("Top distribution", self._given.pane, note=note),
            ),
            matrix,
            card("All stocks", self._all.pane, note="Sums over the chosen sessions; sort by any column", footer=files),
        )


def tiles(stocks: pl.DataFrame, *, count: int) -> pl.DataFrame:
    """Return the `count` most traded stocks for the treemap, and all others as one tile without a code."""
    columns = ["ticker_code", "name", "value_idr", "pressure_pct", "label", "change_pct"]
    ordered = stocks.filter(pl.col("value_idr") > 0).sort("value_idr", "ticker_code", descending=[True, False])
    rest = ordered.slice(count)
    if not rest.height:
        return ordered.select(columns)
    other = rest.select(
        pl.lit(None, dtype=pl.String).alias("ticker_code"),
        pl.lit(f"{rest.height} others").alias("name"),
        pl.col("value_idr").sum(),
        pl.lit(None, dtype=pl.Float64).alias("pressure_pct"),
        pl.lit(None, dtype=pl.String).alias("label"),
        pl.lit(None, dtype=pl.Float64).alias("change_pct"),
    )
    return pl.concat([ordered.head(count).select(columns), other])


def market_kpis(totals: pl.DataFrame, found: ranges.Range) -> list[Kpi]:
    """Return the tiles: value, net foreign, breadth, coverage, over the range; breadth is the last session's.

    `totals` has a row for each session of the range, as `idx.totals` gives them.
    """
    last = totals.row(-1, named=True)
    value = int(totals["value_idr"].sum())
    known = totals["net_foreign_value_idr"].drop_nulls()
    foreign = int(known.sum()) if known.len() else None
    breadth = (
        (last["advancing"], "--fin-up"),
        (last["unchanged"], "--fin-closed"),
        (last["declining"], "--fin-down"),
    )
    negotiated = int(totals["nonregular_value_idr"].sum())
    covered, lists, good = totals["coverage_pct"].mean(), totals["lists"].sum(), totals["reconciled"].sum()
    several = len(found.sessions) > 1
    return [
        Kpi(
            key="value",
            label="Value, Rp",
            value=formats.rupiah(value),
            hint=f"{formats.rupiah(negotiated)} on other boards",
        ),
        Kpi(
            key="foreign",
            label=f"{charts.arrow(foreign)}Net Foreign, Rp",
            value=formats.signed_rupiah(foreign),
            hint=idx_common.foreign_hint(),
            tone="up" if foreign and foreign > 0 else "down" if foreign else "",
        ),
        Kpi(
            key="breadth",
            label="▲ Up / ▼ down",
            value=f"{last['advancing']:,} / {last['declining']:,}",
            hint=f"{last['unchanged']:,} unchanged" + (" on the last session" if several else ""),
            bar=breadth,
        ),
        Kpi(
            key="traded",
            label="Stocks traded",
            value=formats.integer(last["traded"]),
            hint=f"of {formats.integer(last['listed'])} listed, {formats.integer(last['suspended'])} suspended",
        ),
        Kpi(
            key="coverage",
            label="Coverage of broker lists",
            value=formats.percent(covered),  # type: ignore[arg-type]  # a mean of numbers
            hint=f"{int(good):,} of {int(lists):,} lists reconcile" if lists else "no broker list",
            link="/data",
        ),
    ]


_STOCK_COLUMNS = (
    Column(field="ticker_code", title="Code", kind="ticker", width=70),
    Column(field="name", title="Name", width=150, grow=4),
    Column(field="close_idr", title="Price", kind="integer", width=80),
    Column(field="change_pct", title="Change", kind="signed_pct", width=110),
    Column(field="value_idr", title="Value", kind="rupiah", width=84),
    Column(field="net_foreign_value_idr", title="Net Foreign", kind="signed_rupiah", width=116),
    Column(field="pressure_pct", title="Top 5", kind="signed_pct", width=110),
    Column(field="amount_idr", title="Amount", kind="signed_rupiah", width=110),
    Column(field="label", title="Top Acc/Dist", kind="accdist", width=112),
    Column(field="buyers", title="Buyers", kind="integer", width=70),
    Column(field="sellers", title="Sellers", kind="integer", width=70),
)
