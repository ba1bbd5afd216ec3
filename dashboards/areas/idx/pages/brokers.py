"""All brokers of a range: the league table, and the way to a broker's page."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import param
from panel.viewable import Viewable

from dashboards.areas.idx import columns, words
from dashboards.areas.idx.queries import broker, market
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import card, choices, stack, switch
from dashboards.ui.page import RangePage
from dashboards.ui.tables import Table
from dashboards.ui.urlstate import UrlState


class BrokersState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=1, objects=[1, 5, 20, 60], doc="sessions that are summed")
    asof: Any = param.CalendarDate(default=None, doc="last session; None is the newest")


class Brokers(RangePage):
    """The page's content."""

    state: BrokersState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=BrokersState())
        self._table = Table(columns.LEAGUE, page_size=30, placeholder="No broker list in this range")
        self.tables = {"": self._table}
        files = self.files(lambda: f"idx-brokers-{self.end}-{self.state.window}s", self._table)
        row = choices(
            switch(self.state.param.window, {"1": 1, "5": 5, "20": 20, "60": 60}, label="Sessions"),
            self.asof.pane,
            self.note,
        )
        self._content = stack(
            row,
            card(
                "League table",
                self._table.pane,
                note="Bought and sold over the range as the broker lists show it, and beside it what the exchange "
                "publishes for the whole market, where every trade counts on both sides",
                footer=files,
            ),
        )
        self.state.param.watch(lambda *_: self._show(), ["window", "asof"])
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        title = "Indonesia brokers"
        if not self.sessions:
            return Heading(title=title)
        return Heading(title=title, subtitle=words.NOT_OWNER, chips=self.chips(self.sessions[-1]))

    def shown(self) -> Viewable:
        """See `BasePage`."""
        self.sessions = market.sessions(self.build)
        self._show()
        return self._content if self.range else words.never_ran()

    def _show(self) -> None:
        found = self.find_range()
        if found is not None:
            self._table.show(broker.league(self.build, start=found.start, end=found.end))
