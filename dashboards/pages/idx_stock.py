"""One Indonesian stock over any range: price with broker inventory, foreign flow, buyers and sellers, the detector."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import panel as pn
import param
import polars as pl

from dashboards import flow, formats, gauge, idx_stock_chart, ranges
from dashboards.components import Chart, DateChoice, card, choices, empty_state, grid, html, kpi_markup, stack, switch
from dashboards.pages import idx_common
from dashboards.pages.idx_common import NOT_OWNER, SMALL, SOURCE, TABLE
from dashboards.pages.idx_stock_parts import (
    cut_note,
    events_markup,
    fit_table,
    list_chips,
    price_change_pct,
    side,
    state_chips,
    stock_kpis,
)
from dashboards.queries import idx, idx_stock, ops
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from dashboards.urlstate import UrlState

WINDOWS = {"1": 1, "5": 5, "20": 20, "60": 60, "120": 120, "250": 250, "From": ranges.CUSTOM}
LEAST_CANDLES = 40
"""A range of one session is read beside the sessions before it."""
LINES = 5
MAIN = "main"
"""The board that all pages show; see `queries.idx.board`."""
BOARD_NAMES = {"all": "All", "RG": "Regular", "TN": "Cash", "NG": "Negotiated"}


class StockState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=20, objects=list(WINDOWS.values()), doc="sessions of the range; 0 is custom")
    since: Any = param.CalendarDate(default=None, doc="first day of a custom range")
    asof: Any = param.CalendarDate(default=None, doc="last day of the range; None is the newest")
    sides: Any = param.Selector(default="net", objects=["net", "gross"])
    board: Any = param.Selector(default=MAIN, objects=[MAIN, *BOARD_NAMES], doc="whose broker lists are shown")


class Stock:
    """The page's content. `text` is what stands in the path: a code in any case, or a company's name."""

    def __init__(self, snapshot: Snapshot, *, text: str, query: Mapping[str, str], origin: str) -> None:
        self.state = StockState()
        self.state.load(query)
        self._text, self._origin = text, origin
        self._range: ranges.Range | None = None
        self._since = DateChoice(self.state, "since", label="From")
        self._asof = DateChoice(self.state, "asof", label="To")
        self._boards = pn.Row(visible=False, margin=0, sizing_mode=None)
        self._note = html("", styles={"flex": "1 1 200px", "min-width": "0"}, sizing_mode=None)
        self._kpis, self._events = html(""), html("", visible=False)
        self._reading = html("", css=gauge.CSS)
        self._badges = html("")
        self._chart = Chart(
            height=idx_stock_chart.HEIGHT, label="Price, inventory of the largest brokers, and net foreign value"
        )
        self._buyers = Table(_side_columns("Buyer"), page_size=12, placeholder="Nobody bought in this range")
        self._sellers = Table(_side_columns("Seller"), page_size=12, placeholder="Nobody sold in this range")
        self._fit = Table(_FIT_COLUMNS, page_size=6, placeholder="No broker traded in this range")
        self._days = Table(_DAY_COLUMNS, page_size=10)
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(self._range_chosen, ["window", "since", "asof", "board"])
        self.state.param.watch(lambda *_: self._show_sides(), ["sides"])
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        if self._identity is None or self._newest is None:
            return Heading(title=f"No stock “{self._text}”")
        code, name = self._identity
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=idx.sessions(self._snapshot)[-1])
        as_of = formats.day(self._newest) + ("" if self._newest == idx.sessions(self._snapshot)[-1] else " (left)")
        chips = origin_chips(self._snapshot, source=self._origin, as_of=as_of, quality=quality, zone=formats.JAKARTA)
        return Heading(title=code, subtitle=name or "", chips=chips)

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._newest = None
        self._identity = idx_stock.find(snapshot, self._text)
        if self._identity is None:
            self.view.objects = [unknown(self._text, idx_stock.similar(snapshot, self._text))]
            return
        self._sessions = idx_stock.sessions(snapshot, self._identity.ticker_code)
        self._newest = self._sessions[-1] if self._sessions else None
        self._events.object = events_markup(idx_stock.events(snapshot, self._identity.ticker_code))
        self._events.visible = bool(self._events.object)
        self._offer_boards()
        self._show()
        self.view.objects = [self._content] if self._range else [idx_common.never_ran()]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`."""
        self._chart.restyle(colours)

    def _offer_boards(self) -> None:
        """Let the reader choose between the boards that there are lists of."""
        had = idx.boards(self._snapshot)
        if self.state.board not in had[1:]:
            self.state.board = MAIN
        options = {BOARD_NAMES[name]: MAIN if name == had[0] else name for name in had}
        self._boards.visible = len(had) > 1
        self._boards.objects = [switch(self.state.param.board, options, label="Board")] if len(had) > 1 else []

    def _board(self) -> str | None:
        return None if self.state.board == MAIN else self.state.board

    def _range_chosen(self, *events: Any) -> None:
        names = {event.name for event in events}
        if "since" in names and self.state.since is not None and self.state.window != ranges.CUSTOM:
            self.state.window = ranges.CUSTOM
        elif "window" in names and self.state.window != ranges.CUSTOM and self.state.since is not None:
            self.state.since = None
        else:
            self._show()

    def _show(self) -> None:
        if self._identity is None:
            return
        state, code = self.state, self._identity.ticker_code
        self._range = ranges.resolve(self._sessions, window=state.window, since=state.since, asof=state.asof)
        if self._range is None:
            return
        found = self._range
        self._since.offer(self._sessions, shown=found.start, rest=None)
        self._asof.offer(self._sessions, shown=found.end, rest=self._newest)
        self._note.object = SMALL.format(idx_common.range_note(found, state.asof))
        days = ranges.last_sessions(self._sessions, end=found.end, count=max(LEAST_CANDLES, len(found.sessions) + 1))
        prices = idx_stock.prices(self._snapshot, code, start=days[0], end=found.end)
        board = self._board()
        self._brokers = idx_stock.brokers(self._snapshot, code, start=found.start, end=found.end, board=board)
        lists = idx_stock.lists(self._snapshot, code, start=found.start, end=found.end, board=board)
        self._show_reading(prices, lists)
        self._show_lines(prices)
        self._show_sides()
        by_session = idx_stock.days(self._snapshot, code, start=found.start, end=found.end, board=board)
        self._days.show(by_session.sort("session_date", descending=True))

    def _show_reading(self, prices: pl.DataFrame, lists: pl.DataFrame) -> None:
        if self._range is None:
            return
        bounds = idx.bounds(self._snapshot)
        found = flow.detector(self._brokers, bounds=bounds)
        change = price_change_pct(prices, self._range)
        self._kpis.object = kpi_markup(stock_kpis(prices, self._range, found, lists, change=change))
        top = found.top(flow.READING_TOP)
        quadrant, sentence = flow.reading(top, price_change_pct=change)
        moved = "" if change is None else f" (price {formats.signed_percent(change)})"
        self._reading.object = (
            gauge.markup(found, bounds=bounds) + f'<p style="margin-top:12px" data-reading="{escape(quadrant)}">'
            f"<b>{escape(quadrant[0].upper() + quadrant[1:])}.</b> {escape(sentence[:-1] + moved)}. "
            f'<span class="muted">{NOT_OWNER}</span></p>'
        )
        board = None if self.state.board == MAIN else BOARD_NAMES[self.state.board]
        chips = [*state_chips(prices, self._range), *list_chips(lists, board=board)]
        self._badges.object = f'<div class="chips">{"".join(chips)}</div>{cut_note(lists)}'

    def _show_lines(self, prices: pl.DataFrame) -> None:
        if self._range is None or self._identity is None:
            return
        code, start, end = self._identity.ticker_code, self._range.start, self._range.end
        daily = idx_stock.adjusted(self._snapshot, code, start=start, end=end, board=self._board())
        lines = flow.inventory(daily, self._range.sessions)
        last = lines.filter(pl.col("session_date") == end)
        accumulators = last.filter(pl.col("inventory_lots") > 0).sort(
            "inventory_lots", "broker_code", descending=[True, False]
        )["broker_code"]
        distributors = last.filter(pl.col("inventory_lots") < 0).sort("inventory_lots", "broker_code")["broker_code"]
        self._chart.draw(
            idx_stock_chart.panes(
                prices,
                lines,
                accumulators=accumulators.head(LINES).to_list(),
                distributors=distributors.head(LINES).to_list(),
                start=self._range.start,
            )
        )
        closes = prices.select("session_date", "close_idr")
        self._fit.show(fit_table(self._brokers, flow.fit(lines, closes)))

    def _show_sides(self) -> None:
        if self._range is None:
            return
        self._buyers.show(side(self._brokers, which="buy", sides=self.state.sides))
        self._sellers.show(side(self._brokers, which="sell", sides=self.state.sides))

    def _files(self, name: str, table: Table) -> list[Any]:
        return downloads(
            lambda: (
                f"idx-{self._identity.ticker_code if self._identity else ''}-{name}"
                f"-{self._range.start if self._range else ''}-{self._range.end if self._range else ''}"
            ),
            lambda: table.frame,
            lambda: (
                idx_common.about(self._snapshot, self._origin, self._range)
                | {"board of the broker lists": self._board() or idx.board(self._snapshot)}
            ),
        )

    def _sides_card(self) -> pn.Column:
        def one(heading: str, name: str, table: Table) -> pn.Column:
            files = pn.FlexBox(*self._files(name, table), gap="4px 8px", margin=0)
            return stack(html(f"<h3>{heading}</h3>"), table.pane, files)

        return card(
            "Buyers and sellers",
            grid(
                one('<span class="up">▲ Buyers</span>', "buyers", self._buyers),
                one('<span class="down">▼ Sellers</span>', "sellers", self._sellers),
            ),
            note="Net puts every broker on one side, by its net lots; averages are of all that it bought or sold",
            controls=[switch(self.state.param.sides, {"Net": "net", "Gross": "gross"}, label="View")],
        )

    def _layout(self) -> pn.Column:
        row = choices(
            switch(self.state.param.window, WINDOWS, label="Sessions"),
            self._since.pane,
            self._asof.pane,
            self._boards,
            self._note,
        )
        reading = card(
            "Top Acc/Dist",
            self._reading,
            self._badges,
            note="Net lots of the largest buyers less those of the largest sellers, of the net volume of the range",
        )
        fit = card(
            "Share, and lots against the price",
            self._fit.pane,
            note="Share of all value bought and sold; R² of the broker's cumulative net lots against the close: how "
            "closely they went together, not who moved whom",
            footer=self._files("brokers", self._fit),
        )
        chart = card(
            "Price, broker inventory and Net Foreign",
            self._chart.pane,
            note="Inventory is the cumulative net lot since the range began: solid the largest accumulators, dashed the "
            "largest distributors. What they held before is not known. Drag the bar to zoom",
        )
        return stack(
            row,
            self._kpis,
            self._events,
            chart,
            grid(reading, fit),
            self._sides_card(),
            card(
                "By session",
                self._days.pane,
                note="Net Foreign: foreign investors on the regular board, net shares at the average price. F. NVal: the "
                "same on the boards of the broker page, as the site states it. Foreign brokers: whoever their clients are",
                footer=self._files("sessions", self._days),
            ),
        )


def unknown(text: str, near: list[idx_stock.Identity]) -> pn.Column:
    """Return the content for a code or name that the exchange's list never had."""
    links = [(f"{code} {name or ''}".strip(), f"/idx/stock/{code}") for code, name in near]
    sentences = [
        f"No session in this build has a stock “{text}”. The code may be wrong, or its sessions are not collected yet.",
        "Near matches:" if links else "Search by code or by company name.",
    ]
    commands = [] if links else ["fin status idx_brokers"]
    return empty_state(f"No stock “{text}”", sentences, commands, [*links, ("All stocks", "/idx/screener")])


def _side_columns(title: str) -> tuple[Column, ...]:
    return (
        Column(field="broker_code", title=title, kind="broker", width=60),
        Column(field="value_idr", title="Value", kind="rupiah", width=74),
        Column(field="lots", title="Lot", kind="integer", width=84),
        Column(field="average_idr", title="Avg", kind="ratio", width=78),
        Column(field="share_pct", title="Share", kind="pct", width=76),
        Column(field="broker_type", title="Type", kind="owner", width=84),
        Column(field="broker_name", title="Name", width=110, grow=3),
    )


_FIT_COLUMNS = (
    Column(field="broker_code", title="Broker", kind="broker", width=62),
    Column(field="broker_type", title="Type", kind="owner", width=84),
    Column(field="share_pct", title="Share", kind="pct", width=74),
    Column(field="net_lots", title="Net lot", kind="signed", width=108),
    Column(field="net_value_idr", title="Net value", kind="signed_rupiah", width=100),
    Column(field="r_squared", title="R²", kind="ratio", width=54),
    Column(field="moves", title="Moves", width=96),
)
_DAY_COLUMNS = (
    Column(field="session_date", title="Session", kind="date", width=90),
    Column(field="state", title="Trading", width=84),
    Column(field="close_idr", title="Close", kind="integer", width=74),
    Column(field="change_pct", title="Change", kind="signed_pct", width=100),
    Column(field="value_idr", title="Value", kind="rupiah", width=78),
    Column(field="net_foreign_value_idr", title="Net Foreign", kind="signed_rupiah", width=104),
    Column(field="page_net_foreign_value_idr", title="F. NVal", kind="signed_rupiah", width=96),
    Column(field="foreign_broker_net_value_idr", title="Foreign brokers", kind="signed_rupiah", width=116),
    Column(field="label", title="Top 5 Acc/Dist", kind="accdist", width=116),
    Column(field="pressure_pct", title="Top 5", kind="signed_pct", width=100),
    Column(field="coverage_pct", title="Coverage", kind="pct", width=82),
    Column(field="list_state", title="Broker list", kind="state", width=122),
)
