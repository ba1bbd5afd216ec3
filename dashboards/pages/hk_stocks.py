"""All stocks held now: the way to a stock for who has no code at hand."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import panel as pn

from dashboards import formats
from dashboards.components import card
from dashboards.pages.hk_overview import SOURCE, TABLE, about, joined_name, never_ran
from dashboards.queries import hk, ops
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette


class Stocks:
    """The page's content."""

    def __init__(self, snapshot: Snapshot, *, origin: str) -> None:
        self._origin = origin
        self._table = Table(_COLUMNS, page_size=25)
        self._card = card(
            "Held now",
            self._table.pane,
            note="By percent of issued shares, changes in percentage points; sort by any column",
            footer=downloads(
                lambda: f"hk-holdings-{self._session}",
                lambda: self._table.frame,
                lambda: about(self._snapshot, self._origin, str(self._session)),
            ),
        )
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        if self._session is None:
            return Heading(title="Hong Kong stocks held")
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=self._session)
        return Heading(
            title="Hong Kong stocks held",
            subtitle=f"{self._table.frame.height:,} stocks held through Stock Connect",
            chips=origin_chips(self._snapshot, source=self._origin, as_of=formats.day(self._session), quality=quality),
        )

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        days = hk.sessions(snapshot)
        self._session = days[0] if days else None
        if self._session is None:
            self.view.objects = [never_ran()]
            return
        self._table.show(hk.latest_holdings(snapshot, session=self._session).with_columns(joined_name()))
        self.view.objects = [self._card]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`. Tables follow by style sheet."""


_COLUMNS = (
    Column(field="stock_code", title="Code", kind="code", width=76),
    Column(field="name", title="Name", width=140, grow=4),
    Column(field="shareholding_shares", title="Holding, shares", kind="integer", width=140),
    Column(field="pct_of_issued", title="% of issued", kind="pct", width=104),
    Column(field="change_1_pp", title="1 session", kind="signed_pp", width=116),
    Column(field="change_5_pp", title="5 sessions", kind="signed_pp", width=116),
    Column(field="change_20_pp", title="20 sessions", kind="signed_pp", width=116),
)
