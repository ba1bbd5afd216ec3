"""The Indonesian part of the Data page: how much of the exchange's volume the broker lists show, and what differs."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import param
import polars as pl

from dashboards import formats, ranges
from dashboards.components import DateChoice, card, html, stack
from dashboards.pages.idx_common import SMALL
from dashboards.queries import idx_quality
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads

SHOWN_SESSIONS = 60


class QualityState(param.Parameterized):
    """The reader's choice; it is not in the address, which is the whole Data page's."""

    session: Any = param.CalendarDate(default=None, doc="session of the second table; None is the newest")


class IdxQuality:
    """Two cards; `view` is empty while no broker list has been collected."""

    def __init__(self) -> None:
        self.state = QualityState()
        self._choice = DateChoice(self.state, "session", label="Session")
        self._by_session = Table(_SESSION_COLUMNS, page_size=8)
        self._tickers = Table(
            _TICKER_COLUMNS,
            page_size=10,
            placeholder="Every list of this session is whole and equals the exchange's lots",
        )
        self._note = html("", margin=(0, 0, 4, 0))
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(lambda *_: self._show_session(), ["session"])

    def refresh(self, snapshot: Snapshot) -> None:
        """Show another build, with the reader's choice kept."""
        self._snapshot = snapshot
        frame = idx_quality.by_session(snapshot, last_sessions=SHOWN_SESSIONS)
        self._sessions = frame["session_date"].sort().to_list()
        self.view.objects = [self._content] if self._sessions else []
        self.view.visible = bool(self._sessions)
        if self._sessions:
            self._by_session.show(frame)
            self._show_session()

    def _show_session(self) -> None:
        session = ranges.at_or_before(self._sessions, self.state.session)
        if session is None:
            return
        self._choice.offer(self._sessions, shown=session, rest=self._sessions[-1])
        frame = idx_quality.differing(self._snapshot, session=session)
        self._tickers.show(frame)
        cut = frame.filter(pl.col("state") == "cut_list").height
        self._note.object = SMALL.format(
            f"{formats.day(session)}: {frame.height - cut} not reconciled, {cut} whose list may be cut."
        )

    def _layout(self) -> pn.Column:
        def files(name: str, table: Table) -> list[Any]:
            return downloads(
                lambda: f"idx-{name}-{self._snapshot.build_id}",
                lambda: table.frame,
                lambda: {"build": self._snapshot.build_id},
            )

        sessions = card(
            "Indonesia: coverage and reconciliation by session",
            self._by_session.pane,
            note="Coverage: lots on the broker lists of the exchange's own lots. Reconciled: bought, sold and the "
            "exchange's lots are equal, within the rounding of the page",
            footer=files("coverage", self._by_session),
        )
        tickers = card(
            "Indonesia: lists that differ or may be cut",
            self._note,
            self._tickers.pane,
            note="Lots that the exchange counted and no visible broker traded belong to brokers that are missing",
            controls=[self._choice.pane],
            footer=files("lists", self._tickers),
        )
        return stack(sessions, tickers)


_SESSION_COLUMNS = (
    Column(field="session_date", title="Session", kind="date", width=92),
    Column(field="traded", title="Traded", kind="integer", width=70),
    Column(field="lists", title="Lists", kind="integer", width=64),
    Column(field="reconciled", title="Reconciled", kind="integer", width=90),
    Column(field="unreconciled", title="Differ", kind="integer", width=66),
    Column(field="cut", title="May be cut", kind="integer", width=86),
    Column(field="coverage_pct", title="Coverage", kind="pct", width=86),
    Column(field="least_coverage_pct", title="Lowest", kind="pct", width=80),
    Column(field="least_ticker", title="Stock", kind="ticker", width=70),
    Column(field="missing_lots", title="Missing, lot", kind="integer", width=100),
    Column(field="market_difference_idr", title="Lists less market-wide", kind="signed_rupiah", width=140),
)
_TICKER_COLUMNS = (
    Column(field="ticker_code", title="Code", kind="ticker", width=70),
    Column(field="state", title="List", kind="state", width=130),
    Column(field="exchange_lots", title="Exchange, lot", kind="integer", width=110),
    Column(field="visible_buy_lots", title="Bought, lot", kind="integer", width=100),
    Column(field="visible_sell_lots", title="Sold, lot", kind="integer", width=100),
    Column(field="buy_difference_lots", title="Buyers missing, lot", kind="integer", width=130),
    Column(field="sell_difference_lots", title="Sellers missing, lot", kind="integer", width=130),
    Column(field="buy_difference_idr", title="Buyers missing, Rp", kind="rupiah", width=130),
    Column(field="coverage_pct", title="Coverage", kind="pct", width=86),
)
