"""One broker: the stocks it bought and sold over a range, its share of the market, and what it gathered at what price."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import param
import polars as pl
from panel.viewable import Viewable

from dashboards.areas.idx import charts, columns, measures, words
from dashboards.areas.idx.money import rupiah, signed_rupiah
from dashboards.areas.idx.queries import broker, market
from dashboards.ui import formats
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.components import Kpi, arrow, card, choices, empty_state, grid, kpi_markup, stack, switch, tone
from dashboards.ui.page import RangePage
from dashboards.ui.session_range import Range, last_sessions
from dashboards.ui.tables import Table
from dashboards.ui.urlstate import UrlState

WINDOWS = {"1": 1, "5": 5, "20": 20, "60": 60}
"""A broker's rows lie scattered over all stocks: longer ranges read millions of rows for one page."""
SHARE_SESSIONS = 120


class BrokerState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=20, objects=list(WINDOWS.values()), doc="sessions that are summed")
    asof: Any = param.CalendarDate(default=None, doc="last session; None is the newest")


class Broker(RangePage):
    """The page's content. The visit's code is what stands in the path: a broker code in any case."""

    state: BrokerState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=BrokerState())
        self._share = Chart(height=400, label="Share of the market and net value by session")
        self.charts = (self._share,)
        self._stocks = Table(columns.BROKER_STOCKS, page_size=15, placeholder="This broker is on no list of this range")
        self._positions = Table(
            columns.POSITIONS, page_size=9, placeholder="Nothing was gathered on balance in this range"
        )
        self.tables = {"": self._stocks, "positions": self._positions}
        self._content = self._layout()
        self.state.param.watch(lambda *_: self._show(), ["window", "asof"])
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        if self._identity is None or not self.sessions:
            return Heading(title=f"No broker “{self.visit.code}”", status=404)
        kind = broker.kind_words(self._identity)
        return Heading(
            title=f"{self._identity.broker_code} {self._identity.broker_name or ''}".strip(),
            subtitle=f"{kind}. {words.NOT_OWNER}",
            chips=self.chips(self.sessions[-1]),
        )

    def shown(self) -> Viewable:
        """See `BasePage`."""
        self.sessions = market.sessions(self.build)
        self._identity = broker.find(self.build, self.visit.code)
        if self._identity is None:
            return unknown(self.visit.code, broker.similar(self.build, self.visit.code))
        self._show()
        return self._content if self.range else words.never_ran()

    def _show(self) -> None:
        found = self.find_range()
        if found is None or self._identity is None:
            return
        code = self._identity.broker_code
        days = last_sessions(self.sessions, end=found.end, count=SHARE_SESSIONS)
        league = broker.league_days(self.build, code, start=days[0], end=found.end)
        self._share.draw(charts.share(league))
        stocks = broker.stocks(self.build, code, start=found.start, end=found.end)
        self._stocks.show(stocks)
        held = self._held(code, found)
        self._positions.show(held)
        chosen = league.filter(pl.col("session_date") >= found.start)
        self._kpis.object = kpi_markup(broker_kpis(chosen, stocks, held))

    def _held(self, code: str, found: Range) -> pl.DataFrame:
        daily = broker.adjusted(self.build, code, start=found.start, end=found.end)
        return measures.held(measures.positions(daily), market.closes(self.build, end=found.end))

    def _layout(self) -> pn.Column:
        row = choices(
            switch(self.state.param.window, WINDOWS, label="Sessions"),
            self.asof.pane,
            self.note,
        )

        def files(name: str, table: Table) -> list[Any]:
            return self.files(
                lambda: (
                    f"idx-broker-{self._identity.broker_code if self._identity else ''}-{name}"
                    f"-{self.end}-{self.state.window}s"
                ),
                table,
            )

        share = card(
            "Share of the market",
            self._share.pane,
            note=f"Of the value on all broker lists, bought and sold; {SHARE_SESSIONS} sessions to the chosen one",
        )
        gathered = card(
            "Gathered in this range",
            self._positions.pane,
            note="Net lots since the range began at moving-average cost, beside the close. Opening stock unknown: what "
            "was held before, and what it cost, no list says",
            footer=files("positions", self._positions),
        )
        stocks = card(
            "Stocks",
            self._stocks.pane,
            note="All it bought and sold over the range; averages are of everything bought and everything sold",
            footer=files("stocks", self._stocks),
        )
        return stack(row, self._kpis, grid(share, gathered), stocks)


def broker_kpis(league: pl.DataFrame, stocks: pl.DataFrame, gathered: pl.DataFrame) -> list[Kpi]:
    """Return the tiles of a broker over a range; `league` has its rows of the range, oldest first."""
    bought, sold = int(stocks["buy_value_idr"].sum() or 0), int(stocks["sell_value_idr"].sum() or 0)
    net = bought - sold
    last = league.row(-1, named=True) if league.height else None
    unrealised = float(gathered["unrealised_idr"].sum() or 0)
    return [
        Kpi(
            key="value",
            label="Bought and sold, Rp",
            value=rupiah(bought + sold),
            hint=f"bought {rupiah(bought)}, sold {rupiah(sold)}",
        ),
        Kpi(
            key="net",
            label=f"{arrow(net)}Net value, Rp",
            value=signed_rupiah(net),
            hint=f"Rp {formats.signed_integer(net)}",
            tone=tone(net),
        ),
        Kpi(
            key="share",
            label="Share of the market",
            value=formats.percent(last["share_pct"]) if last else formats.MISSING,
            hint=f"number {last['place']} on the last session" if last else "on no list of the last session",
        ),
        Kpi(
            key="stocks",
            label="Stocks",
            value=formats.integer(stocks.height),
            hint=f"{gathered.height} gathered on balance",
        ),
        Kpi(
            key="unrealised",
            label=f"{arrow(unrealised)}Unrealised, Rp",
            value=signed_rupiah(unrealised),
            hint="opening stock unknown",
            tone=tone(unrealised),
        ),
    ]


def unknown(text: str, near: list[broker.Identity]) -> pn.Column:
    """Return the content for a code that no broker has."""
    links = [
        (f"{one.broker_code} {one.broker_name or ''}".strip(), columns.BROKER_PATH + one.broker_code) for one in near
    ]
    sentences = [
        f"No broker list in this build has a broker “{text}”. Codes have two letters.",
        "Near matches:" if links else "Search by code or by name.",
    ]
    return empty_state(f"No broker “{text}”", sentences, [], [*links, ("All brokers", "/idx/broker")])
