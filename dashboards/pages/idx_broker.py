"""One broker: the stocks it bought and sold over a range, its share of the market, and what it gathered at what price."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import param
import polars as pl

from dashboards import charts, flow, formats, idx_charts, ranges
from dashboards.components import (
    Chart,
    DateChoice,
    Kpi,
    card,
    choices,
    empty_state,
    grid,
    html,
    kpi_markup,
    stack,
    switch,
)
from dashboards.pages import idx_common
from dashboards.pages.idx_common import NOT_OWNER, SMALL, SOURCE, TABLE
from dashboards.queries import idx, idx_broker, ops
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from dashboards.urlstate import UrlState

WINDOWS = {"1": 1, "5": 5, "20": 20, "60": 60}
"""A broker's rows lie scattered over all stocks: longer ranges read millions of rows for one page."""
SHARE_SESSIONS = 120


class BrokerState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=20, objects=list(WINDOWS.values()), doc="sessions that are summed")
    asof: Any = param.CalendarDate(default=None, doc="last session; None is the newest")


class Broker:
    """The page's content. `text` is what stands in the path: a broker code in any case."""

    def __init__(self, snapshot: Snapshot, *, text: str, query: Mapping[str, str], origin: str) -> None:
        self.state = BrokerState()
        self.state.load(query)
        self._text, self._origin = text, origin
        self._range: ranges.Range | None = None
        self._asof = DateChoice(self.state, "asof", label="As of")
        self._note = html("", styles={"flex": "1 1 200px", "min-width": "0"}, sizing_mode=None)
        self._kpis = html("")
        self._share = Chart(height=400, label="Share of the market and net value by session")
        self._stocks = Table(_STOCK_COLUMNS, page_size=15, placeholder="This broker is on no list of this range")
        self._positions = Table(
            _POSITION_COLUMNS, page_size=9, placeholder="Nothing was gathered on balance in this range"
        )
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(lambda *_: self._show(), ["window", "asof"])
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        if self._identity is None or not self._sessions:
            return Heading(title=f"No broker “{self._text}”")
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=self._sessions[-1])
        chips = origin_chips(
            self._snapshot,
            source=self._origin,
            as_of=formats.day(self._sessions[-1]),
            quality=quality,
            zone=formats.JAKARTA,
        )
        kind = idx_broker.kind_words(self._identity)
        return Heading(
            title=f"{self._identity.broker_code} {self._identity.broker_name or ''}".strip(),
            subtitle=f"{kind}. {NOT_OWNER}",
            chips=chips,
        )

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._sessions = idx.sessions(snapshot)
        self._identity = idx_broker.find(snapshot, self._text)
        if self._identity is None:
            self.view.objects = [unknown(self._text, idx_broker.similar(snapshot, self._text))]
            return
        self._show()
        self.view.objects = [self._content] if self._range else [idx_common.never_ran()]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`."""
        self._share.restyle(colours)

    def _show(self) -> None:
        found = ranges.resolve(self._sessions, window=self.state.window, since=None, asof=self.state.asof)
        if found is None or self._identity is None:
            return
        self._range = found
        code = self._identity.broker_code
        self._asof.offer(self._sessions, shown=found.end, rest=self._sessions[-1])
        self._note.object = SMALL.format(idx_common.range_note(found, self.state.asof))
        days = ranges.last_sessions(self._sessions, end=found.end, count=SHARE_SESSIONS)
        league = idx_broker.league_days(self._snapshot, code, start=days[0], end=found.end)
        self._share.draw(idx_charts.share(league))
        stocks = idx_broker.stocks(self._snapshot, code, start=found.start, end=found.end)
        self._stocks.show(stocks)
        held = self._held(code, found)
        self._positions.show(held)
        chosen = league.filter(pl.col("session_date") >= found.start)
        self._kpis.object = kpi_markup(broker_kpis(chosen, stocks, held))

    def _held(self, code: str, found: ranges.Range) -> pl.DataFrame:
        daily = idx_broker.adjusted(self._snapshot, code, start=found.start, end=found.end)
        return held(flow.positions(daily), idx.closes(self._snapshot, end=found.end))

    def _layout(self) -> pn.Column:
        row = choices(
            switch(self.state.param.window, WINDOWS, label="Sessions"),
            self._asof.pane,
            self._note,
        )

        def files(name: str, table: Table) -> list[Any]:
            return downloads(
                lambda: (
                    f"idx-broker-{self._identity.broker_code if self._identity else ''}-{name}"
                    f"-{self._range.end if self._range else ''}-{self.state.window}s"
                ),
                lambda: table.frame,
                lambda: idx_common.about(self._snapshot, self._origin, self._range),
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


def held(positions: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """Return what is held on balance with its value at the close, largest value first (B13).

    Args:
        positions: as `flow.positions` gives them.
        closes: ticker_code, name, close_idr (adjusted).

    Returns:
        ticker_code, name, inventory_lots, average_cost_idr, close_idr, value_idr, unrealised_idr, unrealised_pct,
        realised_idr; only rows with lots above zero.
    """
    value = pl.col("inventory_lots") * flow.LOT_SHARES * pl.col("close_idr")
    return (
        positions.filter(pl.col("inventory_lots") > 0)
        .join(closes, on="ticker_code", how="left")
        .with_columns(value.alias("value_idr"))
        .with_columns((pl.col("value_idr") - pl.col("cost_idr")).alias("unrealised_idr"))
        .with_columns((100 * pl.col("unrealised_idr") / pl.col("cost_idr")).alias("unrealised_pct"))
        .sort("value_idr", "ticker_code", descending=[True, False], nulls_last=True)
    )


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
            value=formats.rupiah(bought + sold),
            hint=f"bought {formats.rupiah(bought)}, sold {formats.rupiah(sold)}",
        ),
        Kpi(
            key="net",
            label=f"{charts.arrow(net)}Net value, Rp",
            value=formats.signed_rupiah(net),
            hint=f"Rp {formats.signed_integer(net)}",
            tone="up" if net > 0 else "down" if net < 0 else "",
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
            label=f"{charts.arrow(unrealised)}Unrealised, Rp",
            value=formats.signed_rupiah(unrealised),
            hint="opening stock unknown",
            tone="up" if unrealised > 0 else "down" if unrealised < 0 else "",
        ),
    ]


def unknown(text: str, near: list[idx_broker.Identity]) -> pn.Column:
    """Return the content for a code that no broker has."""
    links = [(f"{one.broker_code} {one.broker_name or ''}".strip(), f"/idx/broker/{one.broker_code}") for one in near]
    sentences = [
        f"No broker list in this build has a broker “{text}”. Codes have two letters.",
        "Near matches:" if links else "Search by code or by name.",
    ]
    return empty_state(f"No broker “{text}”", sentences, [], [*links, ("All brokers", "/idx/broker")])


_STOCK_COLUMNS = (
    Column(field="ticker_code", title="Code", kind="ticker", width=70),
    Column(field="name", title="Name", width=140, grow=4),
    Column(field="buy_value_idr", title="Bought", kind="rupiah", width=80),
    Column(field="buy_average_idr", title="B.Avg", kind="ratio", width=80),
    Column(field="sell_value_idr", title="Sold", kind="rupiah", width=80),
    Column(field="sell_average_idr", title="S.Avg", kind="ratio", width=80),
    Column(field="net_lots", title="Net lot", kind="signed", width=116),
    Column(field="net_value_idr", title="Net value", kind="signed_rupiah", width=106),
    Column(field="share_pct", title="Share of stock", kind="pct", width=104),
)
_POSITION_COLUMNS = (
    Column(field="ticker_code", title="Code", kind="ticker", width=58),
    Column(field="inventory_lots", title="Lot", kind="integer", width=76),
    Column(field="average_cost_idr", title="Average", kind="ratio", width=78),
    Column(field="close_idr", title="Close", kind="integer", width=66),
    Column(field="value_idr", title="Value", kind="rupiah", width=72),
    Column(field="unrealised_idr", title="Unrealised", kind="signed_rupiah", width=90),
    Column(field="unrealised_pct", title="%", kind="signed_pct", width=88),
    Column(field="realised_idr", title="Realised", kind="signed_rupiah", width=90),
)
