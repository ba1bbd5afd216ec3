"""One Indonesian stock over any range: price with broker inventory, foreign flow, buyers and sellers, the detector."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import param
import polars as pl
from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.areas.idx import columns, gauge, measures, stock_chart, words
from dashboards.areas.idx.queries import market, stock
from dashboards.areas.idx.stock_parts import (
    cut_note,
    events_markup,
    fit_table,
    list_chips,
    price_change_pct,
    side,
    state_chips,
    stock_kpis,
)
from dashboards.ui import formats, identities
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.components import (
    DateChoice,
    card,
    chips,
    choices,
    empty_state,
    grid,
    html,
    kpi_markup,
    stack,
    switch,
)
from dashboards.ui.page import RangePage
from dashboards.ui.session_range import CUSTOM, last_sessions
from dashboards.ui.tables import Table

WINDOWS = {"1": 1, "5": 5, "20": 20, "60": 60, "120": 120, "250": 250, "From": CUSTOM}
LEAST_CANDLES = 40
"""A range of one session is read beside the sessions before it."""
LINES = 5
MAIN = "main"
"""The board that all pages show; see `queries.market.board`."""
BOARD_NAMES = {"all": "All", "RG": "Regular", "TN": "Cash", "NG": "Negotiated"}


_READING = Markup(
    '<p style="margin-top:12px" data-reading="{quadrant}"><b>{title}.</b> {sentence}. <span class="muted">{owner}</span></p>'
)


class StockState(identities.CompanyState):
    """The reader's choices."""

    window: Any = param.Selector(default=20, objects=list(WINDOWS.values()), doc="sessions of the range; 0 is custom")
    since: Any = param.CalendarDate(default=None, doc="first day of a custom range")
    asof: Any = param.CalendarDate(default=None, doc="last day of the range; None is the newest")
    sides: Any = param.Selector(default="net", objects=["net", "gross"])
    board: Any = param.Selector(default=MAIN, objects=[MAIN, *BOARD_NAMES], doc="whose broker lists are shown")


class Stock(RangePage):
    """The page's content. The visit's code is what stands in the path: a code in any case, or a company's name."""

    state: StockState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=StockState(), asof="To")
        self._since = DateChoice(self.state, "since", label="From")
        self._boards = pn.Row(visible=False, margin=0, sizing_mode=None)
        self._events = html("", visible=False)
        self._companies, self._span = html("", visible=False), identities.ALWAYS
        self._reading = html("", css=gauge.CSS)
        self._badges = html("")
        self._chart = Chart(
            height=stock_chart.HEIGHT, label="Price, inventory of the largest brokers, and net foreign value"
        )
        self.charts = (self._chart,)
        self._buyers = Table(columns.side("Buyer"), page_size=12, placeholder="Nobody bought in this range")
        self._sellers = Table(columns.side("Seller"), page_size=12, placeholder="Nobody sold in this range")
        self._fit = Table(columns.FIT, page_size=6, placeholder="No broker traded in this range")
        self._days = Table(columns.DAYS, page_size=10)
        self.tables = {"": self._days, "buyers": self._buyers, "sellers": self._sellers, "fit": self._fit}
        self._content = self._layout()
        self.state.param.watch(self._range_chosen, ["window", "since", "asof", "board"])
        self.state.param.watch(lambda *_: self._show_sides(), ["sides"])
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        if self._identity is None or not self.sessions:
            return Heading(title=f"No stock “{self.visit.code}”", status=404)
        code, name = self._identity
        newest, last = market.sessions(self.build)[-1], self.sessions[-1]
        as_of = formats.day(last) + ("" if last == newest else " (left)")
        if not self._span.is_current:
            name = f"{self._span.name or f'company {self._span.number}'}, earlier company of this code"
        return Heading(title=code, subtitle=name or "", chips=self.chips(newest, as_of=as_of))

    def shown(self) -> Viewable:
        """See `BasePage`."""
        build, text = self.build, self.visit.code
        self.sessions = []
        self._identity = stock.find(build, text)
        if self._identity is None:
            return unknown(text, stock.similar(build, text))
        code = self._identity.ticker_code
        companies = stock.companies(build, code)
        span = self._span = identities.chosen(companies, self.state.company)
        self._companies.object = identities.note(companies, span, path=columns.STOCK_PATH + code)
        self._companies.visible = bool(companies)
        self.sessions = stock.sessions(build, code, span=span)
        self._events.object = events_markup(stock.events(build, code, span=span))
        self._events.visible = bool(self._events.object)
        self._offer_boards()
        self._show()
        return self._content if self.range else words.never_ran()

    def _offer_boards(self) -> None:
        """Let the reader choose between the boards that there are lists of."""
        had = market.boards(self.build)
        if self.state.board not in (MAIN, *had[1:]):
            self.state.rejected["board"] = "no list of that board is collected"
            self.state.board = MAIN
        options = {BOARD_NAMES[name]: MAIN if name == had[0] else name for name in had}
        self._boards.visible = len(had) > 1
        self._boards.objects = [switch(self.state.param.board, options, label="Board")] if len(had) > 1 else []

    def _board(self) -> str | None:
        return None if self.state.board == MAIN else self.state.board

    def _range_chosen(self, *events: Any) -> None:
        names = {event.name for event in events}
        if "since" in names and self.state.since is not None and self.state.window != CUSTOM:
            self.state.window = CUSTOM
        elif "window" in names and self.state.window != CUSTOM and self.state.since is not None:
            self.state.since = None
        else:
            self._show()

    def _show(self) -> None:
        if self._identity is None:
            return
        state, code = self.state, self._identity.ticker_code
        found = self.find_range(since=state.since)
        if found is None:
            return
        self._since.offer(self.sessions, shown=found.start, rest=None)
        days = last_sessions(self.sessions, end=found.end, count=max(LEAST_CANDLES, len(found.sessions) + 1))
        prices = stock.prices(self.build, code, start=days[0], end=found.end)
        board = self._board()
        self._brokers = stock.brokers(self.build, code, start=found.start, end=found.end, board=board)
        lists = stock.lists(self.build, code, start=found.start, end=found.end, board=board)
        self._show_reading(prices, lists)
        self._show_lines(prices)
        self._show_sides()
        by_session = stock.days(self.build, code, start=found.start, end=found.end, board=board)
        self._days.show(by_session.sort("session_date", descending=True))

    def _show_reading(self, prices: pl.DataFrame, lists: pl.DataFrame) -> None:
        if self.range is None or self._identity is None:
            return
        bounds = market.bounds(self.build)
        code, start, end = self._identity.ticker_code, self.range.start, self.range.end
        found = stock.detector(self.build, code, start=start, end=end, board=self._board())
        change = price_change_pct(prices, self.range)
        self._kpis.object = kpi_markup(stock_kpis(prices, self.range, found, lists, change=change))
        top = found.top(measures.READING_TOP)
        quadrant, sentence = measures.reading(top, price_change_pct=change)
        moved = "" if change is None else f" (price {formats.signed_percent(change)})"
        self._reading.object = gauge.markup(found, bounds=bounds) + _READING.format(
            quadrant=quadrant,
            title=quadrant[0].upper() + quadrant[1:],
            sentence=sentence[:-1] + moved,
            owner=words.NOT_OWNER,
        )
        board = None if self.state.board == MAIN else BOARD_NAMES[self.state.board]
        badges = [*state_chips(prices, self.range), *list_chips(lists, board=board)]
        self._badges.object = chips(badges) + cut_note(lists)

    def _show_lines(self, prices: pl.DataFrame) -> None:
        if self.range is None or self._identity is None:
            return
        code, start, end = self._identity.ticker_code, self.range.start, self.range.end
        days = prices["session_date"].to_list()
        daily = stock.adjusted(self.build, code, start=days[0], end=end, board=self._board())
        lines = measures.inventory(daily.filter(pl.col("session_date") >= start), self.range.sessions)
        last = lines.filter(pl.col("session_date") == end)
        accumulators = last.filter(pl.col("inventory_lots") > 0).sort(
            "inventory_lots", "broker_code", descending=[True, False]
        )["broker_code"]
        distributors = last.filter(pl.col("inventory_lots") < 0).sort("inventory_lots", "broker_code")["broker_code"]
        self._chart.draw(
            stock_chart.panes(
                prices,
                measures.anchored(daily, days, start=start),
                accumulators=accumulators.head(LINES).to_list(),
                distributors=distributors.head(LINES).to_list(),
                start=self.range.start,
            )
        )
        closes = prices.select("session_date", "close_idr")
        self._fit.show(fit_table(self._brokers, measures.fit(lines, closes)))

    def _show_sides(self) -> None:
        if self.range is None:
            return
        self._buyers.show(side(self._brokers, which="buy", sides=self.state.sides))
        self._sellers.show(side(self._brokers, which="sell", sides=self.state.sides))

    def _files(self, name: str, table: Table) -> list[Any]:
        def file_name() -> str:
            code = self._identity.ticker_code if self._identity else ""
            return f"idx-{code}-{name}-{self.range.start if self.range else ''}-{self.end}"

        return self.files(
            file_name, table, lambda: {"board of the broker lists": self._board() or market.board(self.build)}
        )

    def _sides_card(self) -> pn.Column:
        def one(tone: str, heading: str, name: str, table: Table) -> pn.Column:
            files = pn.FlexBox(*self._files(name, table), gap="4px 8px", margin=0)
            title = Markup('<h3><span class="{}">{}</span></h3>').format(tone, heading)
            return stack(html(title), table.pane, files)

        return card(
            "Buyers and sellers",
            grid(
                one("up", "▲ Buyers", "buyers", self._buyers),
                one("down", "▼ Sellers", "sellers", self._sellers),
            ),
            note="Net puts every broker on one side, by its net value; averages are of all that it bought or sold",
            controls=[switch(self.state.param.sides, {"Net": "net", "Gross": "gross"}, label="View")],
        )

    def _layout(self) -> pn.Column:
        row = choices(
            switch(self.state.param.window, WINDOWS, label="Sessions"),
            self._since.pane,
            self.asof.pane,
            self._boards,
            self.note,
        )
        reading = card(
            "Top Acc/Dist",
            self._reading,
            self._badges,
            note="Net lots of the largest buyers and sellers by net value, added with their signs, of the net volume",
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
            note="Inventory is the cumulative net lot since the range began, 0 at its beginning, shaded before it: solid "
            "the largest accumulators, dashed the largest distributors. What they held is not known. Drag the bar to zoom",
        )
        return stack(
            self._companies,
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
                "same on the boards of the broker page, as the site states it. Foreign brokers: with all their clients",
                footer=self._files("sessions", self._days),
            ),
        )


def unknown(text: str, near: list[stock.Identity]) -> pn.Column:
    """Return the content for a code or name that the exchange's list never had."""
    links = [(f"{code} {name or ''}".strip(), columns.STOCK_PATH + code) for code, name in near]
    sentences = [
        f"No session in this build has a stock “{text}”. The code may be wrong, or its sessions are not collected yet.",
        "Near matches:" if links else "Search by code or by company name.",
    ]
    commands = [] if links else ["fin status idx_brokers"]
    return empty_state(f"No stock “{text}”", sentences, commands, [*links, ("All stocks", "/idx/screener")])
