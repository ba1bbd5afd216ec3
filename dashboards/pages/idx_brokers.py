"""All brokers of a range: the league table, and the way to a broker's page."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import param

from dashboards import formats, ranges
from dashboards.components import DateChoice, card, choices, html, stack, switch
from dashboards.pages import idx_common
from dashboards.pages.idx_common import SMALL, SOURCE, TABLE
from dashboards.queries import idx, idx_broker, ops
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from dashboards.urlstate import UrlState


class BrokersState(UrlState):
    """The reader's choices."""

    window: Any = param.Selector(default=1, objects=[1, 5, 20, 60], doc="sessions that are summed")
    asof: Any = param.CalendarDate(default=None, doc="last session; None is the newest")


class Brokers:
    """The page's content."""

    def __init__(self, snapshot: Snapshot, *, query: Mapping[str, str], origin: str) -> None:
        self.state = BrokersState()
        self.state.load(query)
        self._origin = origin
        self._range: ranges.Range | None = None
        self._asof = DateChoice(self.state, "asof", label="As of")
        self._note = html("", styles={"flex": "1 1 200px", "min-width": "0"}, sizing_mode=None)
        self._table = Table(_COLUMNS, page_size=30, placeholder="No broker list in this range")
        files = downloads(
            lambda: f"idx-brokers-{self._range.end if self._range else ''}-{self.state.window}s",
            lambda: self._table.frame,
            lambda: idx_common.about(self._snapshot, self._origin, self._range),
        )
        row = choices(
            switch(self.state.param.window, {"1": 1, "5": 5, "20": 20, "60": 60}, label="Sessions"),
            self._asof.pane,
            self._note,
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
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.state.param.watch(lambda *_: self._show(), ["window", "asof"])
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        title = "Indonesia brokers"
        if not self._sessions:
            return Heading(title=title)
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=self._sessions[-1])
        chips = origin_chips(
            self._snapshot,
            source=self._origin,
            as_of=formats.day(self._sessions[-1]),
            quality=quality,
            zone=formats.JAKARTA,
        )
        return Heading(title=title, subtitle=idx_common.NOT_OWNER, chips=chips)

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._sessions = idx.sessions(snapshot)
        self._show()
        self.view.objects = [self._content] if self._range else [idx_common.never_ran()]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`. Tables follow by style sheet."""

    def _show(self) -> None:
        found = ranges.resolve(self._sessions, window=self.state.window, since=None, asof=self.state.asof)
        if found is None:
            return
        self._range = found
        self._asof.offer(self._sessions, shown=found.end, rest=self._sessions[-1])
        self._note.object = SMALL.format(idx_common.range_note(found, self.state.asof))
        self._table.show(idx_broker.league(self._snapshot, start=found.start, end=found.end))


_COLUMNS = (
    Column(field="place", title="#", kind="integer", width=44),
    Column(field="broker_code", title="Broker", kind="broker", width=66),
    Column(field="broker_name", title="Name", width=160, grow=4),
    Column(field="broker_type", title="Type", kind="owner", width=84),
    Column(field="buy_value_idr", title="Bought", kind="rupiah", width=84),
    Column(field="sell_value_idr", title="Sold", kind="rupiah", width=84),
    Column(field="net_value_idr", title="Net value", kind="signed_rupiah", width=108),
    Column(field="share_pct", title="Share", kind="pct", width=80),
    Column(field="market_value_idr", title="Exchange", kind="rupiah", width=90),
)
