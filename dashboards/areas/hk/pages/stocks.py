"""All stocks held now: the way to a stock for a reader who has no code at hand."""

from __future__ import annotations

from panel.viewable import Viewable

from dashboards.areas.hk import columns
from dashboards.areas.hk.queries import market
from dashboards.areas.hk.words import never_ran
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import card, choices, stack
from dashboards.ui.listing import Listing, ListState
from dashboards.ui.page import BasePage
from dashboards.ui.tables import Table


class Stocks(BasePage):
    """The page's content."""

    state: ListState

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit, state=ListState())
        self._table = Table(columns.HELD, page_size=25, placeholder="No stock meets the filter")
        self._listing = Listing(self.state, self._table, example="% of issued > 10, 1 session < 0, bank")
        self.tables = {"": self._table}
        held = card(
            "Held now",
            self._listing.problem,
            self._table.pane,
            note="By percent of issued shares, changes in percentage points; sort by any column. A filter is conditions with "
            "commas between them; a word alone finds names in either language",
            footer=self.files(lambda: f"hk-holdings-{self._session}", self._table),
        )
        self._content = stack(choices(self._listing.filter, self._listing.columns), held)
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        title = "Hong Kong stocks held"
        if self._session is None:
            return Heading(title=title)
        subtitle = f"{self._held:,} stocks held through Stock Connect"
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
        self._held = held.height
        self._listing.show(held.with_columns(columns.joined_name()))
        return self._content
