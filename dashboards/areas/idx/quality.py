"""The Indonesian part of the Data page: how much of the exchange's volume the broker lists show, and what differs."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import param
import polars as pl
from panel.viewable import Viewable

from dashboards.areas.idx import columns
from dashboards.areas.idx.queries import quality
from dashboards.ui import formats
from dashboards.ui.area import Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import DateChoice, card, html, small, stack
from dashboards.ui.page import BasePage
from dashboards.ui.session_range import at_or_before
from dashboards.ui.tables import Table

SHOWN_SESSIONS = 60


class QualityState(param.Parameterized):
    """The reader's choice; it is not in the address, which is the whole Data page's."""

    session: Any = param.CalendarDate(default=None, doc="session of the second table; None is the newest")


class ListQuality(BasePage):
    """Two cards; nothing while no broker list has been collected."""

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit)
        self.choices = QualityState()
        self._choice = DateChoice(self.choices, "session", label="Session")
        self._by_session = Table(columns.LISTS_BY_SESSION, page_size=8)
        self._tickers = Table(
            columns.DIFFERING_LISTS,
            page_size=10,
            placeholder="Every list of this session is whole and equals the exchange's lots",
        )
        self._note = html("", margin=(0, 0, 4, 0))
        self._content = self._layout()
        self.choices.param.watch(lambda *_: self._show_session(), ["session"])
        self.refresh(build)

    def shown(self) -> Viewable | None:
        """See `BasePage`."""
        frame = quality.by_session(self.build, last_sessions=SHOWN_SESSIONS)
        self.sessions = frame["session_date"].sort().to_list()
        if not self.sessions:
            return None
        self._by_session.show(frame)
        self._show_session()
        return self._content

    def _show_session(self) -> None:
        session = at_or_before(self.sessions, self.choices.session)
        if session is None:
            return
        self._choice.offer(self.sessions, shown=session, rest=self.sessions[-1])
        frame = quality.differing(self.build, session=session)
        self._tickers.show(frame)
        cut = frame.filter(pl.col("state") == "cut_list").height
        self._note.object = small(
            f"{formats.day(session)}: {frame.height - cut} not reconciled, {cut} whose list may be cut."
        )

    def _layout(self) -> pn.Column:
        def files(name: str, table: Table) -> list[Any]:
            return self.files(lambda: f"idx-{name}-{self.build.build_id}", table)

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
