"""All stocks held now: the way to a stock for a reader who has no code at hand."""

from __future__ import annotations

from panel.viewable import Viewable

from dashboards.areas.hk import columns
from dashboards.areas.hk.queries import market
from dashboards.areas.hk.words import never_ran
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import card
from dashboards.ui.page import BasePage
from dashboards.ui.tables import Table


class Stocks(BasePage):
    """The page's content."""

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit)
        self._table = Table(columns.HELD, page_size=25)
        self._card = card(
            "Held now",
            self._table.pane,
            note="By percent of issued shares, changes in percentage points; sort by any column",
            footer=self.files(lambda: f"hk-holdings-{self._session}", self._table),
        )
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        title = "Hong Kong stocks held"
        if self._session is None:
            return Heading(title=title)
        subtitle = f"{self._table.frame.height:,} stocks held through Stock Connect"
        return Heading(title=title, subtitle=subtitle, chips=self.chips(self._session))

    def covers(self) -> dict[str, str]:
        """See `BasePage`."""
        return {"as of": str(self._session)}

    def shown(self) -> Viewable:
        """See `BasePage`."""
        days = market.sessions(self.build)
        self._session = days[-1] if days else None
        if self._session is None:
            return never_ran()
        held = market.latest_holdings(self.build, session=self._session)
        self._table.show(held.with_columns(columns.joined_name()))
        return self._card
