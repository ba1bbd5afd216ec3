"""The Indonesian market: value, net foreign, breadth, who is gathered and who is handed out, brokers against stocks."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import param
import polars as pl
from panel.viewable import Viewable

from dashboards.areas.idx import charts, columns, words
from dashboards.areas.idx.money import rupiah, signed_rupiah
from dashboards.areas.idx.queries import market
from dashboards.ui import formats
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart, bars_height, opens
from dashboards.ui.components import Kpi, arrow, card, choices, grid, html, kpi_markup, stack, switch, tone
from dashboards.ui.page import RangePage
from dashboards.ui.session_range import Range, last_sessions
from dashboards.ui.tables import Table
from dashboards.ui.urlstate import UrlState

CHART_SESSIONS = 60
TILES = 100
MATRIX_SIZE = 30
RANKED = 10
MATRIX_PIXELS, MATRIX_MARGIN = 17, 44


class MarketState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=1, objects=[1, 5, 20], doc="sessions that are summed")
    asof: Any = param.CalendarDate(default=None, doc="last session; None is the newest")


class Market(RangePage):
    """The page's content."""

    state: MarketState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=MarketState())
        opens_stock = opens(columns.STOCK_PATH)
        self._flow = Chart(height=444, label="Breadth and net foreign value by session")
        self._tiles = Chart(height=420, label="Stocks by value, coloured by pressure", click=opens_stock)
        self._matrix = Chart(height=500, label="Net value of brokers by stock", click=opens_stock)
        self._gathered = Chart(height=350, label="Top accumulation", click=opens_stock)
        self._given = Chart(height=350, label="Top distribution", click=opens_stock)
        self.charts = (self._flow, self._tiles, self._matrix, self._gathered, self._given)
        self._all = Table(columns.MARKET_STOCKS, page_size=15, placeholder="No stock was traded in this range")
        self.tables = {"": self._all}
        self._content = self._layout()
        self.state.param.watch(lambda *_: self._show(), ["window", "asof"])
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        title = "Indonesia market"
        if not self.sessions:
            return Heading(title=title)
        subtitle = "Who bought and who sold on the Indonesia Stock Exchange"
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
        days = last_sessions(self.sessions, end=found.end, count=CHART_SESSIONS)
        totals = market.totals(self.build, start=days[0], end=found.end)
        chosen = totals.filter(pl.col("session_date") >= found.start)
        self._kpis.object = kpi_markup(market_kpis(chosen, found))
        self._flow.draw(charts.market(totals))
        stocks = market.stocks(self.build, start=found.start, end=found.end, window=self.state.window)
        self._all.show(stocks)
        self._tiles.draw(charts.treemap(tiles(stocks, count=TILES)))
        self._show_rankings(stocks)
        self._show_matrix(stocks, found)

    def _show_rankings(self, stocks: pl.DataFrame) -> None:
        gathered, given = market.ranked(stocks, sign=1, count=RANKED), market.ranked(stocks, sign=-1, count=RANKED)
        for chart, ranked in ((self._gathered, gathered), (self._given, given)):
            chart.pane.height = bars_height(ranked.height)
            chart.draw(charts.ranking(ranked))

    def _show_matrix(self, stocks: pl.DataFrame, found: Range) -> None:
        tickers = stocks.sort("value_idr", "ticker_code", descending=[True, False])["ticker_code"].head(MATRIX_SIZE)
        brokers = market.largest_brokers(self.build, start=found.start, end=found.end, count=MATRIX_SIZE)
        cells = market.matrix(self.build, start=found.start, end=found.end, brokers=brokers, tickers=tickers.to_list())
        self._matrix.pane.height = max(4, len(brokers)) * MATRIX_PIXELS + MATRIX_MARGIN
        self._matrix.draw(charts.matrix(cells, brokers=brokers, tickers=tickers.to_list()))

    def _layout(self) -> pn.Column:
        row = choices(
            switch(self.state.param.window, {"1": 1, "5": 5, "20": 20}, label="Sessions"),
            self.asof.pane,
            self.note,
        )
        flow = card(
            "Breadth and Net Foreign",
            self._flow.pane,
            note=f"Stocks up and down, and net value of foreign investors; {CHART_SESSIONS} sessions to the chosen one",
        )
        tiles_card = card(
            "Value and pressure",
            html(words.PRESSURE_LEGEND),
            self._tiles.pane,
            note="A tile is a stock: its size is the traded value, its colour the pressure of the five largest brokers "
            "on either side. A tile opens the stock",
        )
        matrix = card(
            "Brokers and stocks",
            html(words.NET_LEGEND),
            self._matrix.pane,
            note=f"Net value of the {MATRIX_SIZE} largest brokers in the {MATRIX_SIZE} most traded stocks. "
            "A cell opens the stock",
        )
        note = "Amount of the five largest on either side (Top 5). A bar opens the stock"
        files = self.files(lambda: f"idx-stocks-{self.end}-{self.state.window}s", self._all)
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


def market_kpis(totals: pl.DataFrame, found: Range) -> list[Kpi]:
    """Return the tiles: value, net foreign, breadth, coverage, over the range; breadth is the last session's.

    `totals` has a row for each session of the range, as `market.totals` gives them.
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
            value=rupiah(value),
            hint=f"{rupiah(negotiated)} on other boards",
        ),
        Kpi(
            key="foreign",
            label=f"{arrow(foreign)}Net Foreign, Rp",
            value=signed_rupiah(foreign),
            hint=words.foreign_hint(),
            tone=tone(foreign),
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
