"""One stock: its southbound holding over time, and who holds it in CCASS if that is collected."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import panel as pn
import polars as pl

from dashboards import charts, formats
from dashboards.components import Chart, Kpi, card, empty_state, grid, html, kpi_markup, stack, toned
from dashboards.pages.hk_overview import SOURCE, TABLE, about
from dashboards.queries import hk, ops, stock
from dashboards.shell import Heading, origin_chips
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette


class Stock:
    """The page's content. `text` is what stands in the path: a code, with or without leading zeros, or a name."""

    def __init__(self, snapshot: Snapshot, *, text: str, origin: str) -> None:
        self._text, self._origin = text, origin
        self._holding = Chart(height=470, label="Holding, percent of issued shares, and daily change")
        self._concentration = Chart(height=260, label="Share of the largest participants")
        self._kpis = html("")
        self._events = html("")
        self._history = Table(_HISTORY_COLUMNS, page_size=10)
        self._participants = Table(_PARTICIPANT_COLUMNS, page_size=12)
        self._big = Table(
            _BIG_COLUMNS, page_size=8, placeholder="No participant changed by more than 0.25 percentage points"
        )
        self._participant_note = html("")
        self._participant_area = stack()
        self._content = self._layout()
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        if self._identity is None:
            return Heading(title=f"No stock “{self._text}”")
        code, name, other = self._identity
        newest = hk.sessions(self._snapshot)[0]
        quality = ops.quality(self._snapshot, source=SOURCE, table=TABLE, session=newest)
        as_of = formats.day(self._last) + ("" if self._last == newest else " (left the list)")
        chips = origin_chips(self._snapshot, source=self._origin, as_of=as_of, quality=quality)
        return Heading(title=f"{code} {name}", subtitle=other or "Southbound holding", chips=chips)

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._identity = stock.find(snapshot, self._text)
        if self._identity is None:
            self.view.objects = [unknown(self._text, stock.similar(snapshot, self._text))]
            return
        code = self._identity.stock_code
        frame = stock.history(snapshot, code)
        self._last = frame["session_date"][-1]
        self._kpis.object = kpi_markup(
            stock_kpis(frame, stock.changes(snapshot, code), stock.rank_by_share(snapshot, code))
        )
        self._events.object = events_markup(stock.listing_events(snapshot, code))
        self._events.visible = bool(self._events.object)
        self._holding.draw(charts.holding(frame))
        self._history.show(frame.reverse())
        self._show_participants(code)
        self.view.objects = [self._content]

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`."""
        self._holding.restyle(colours)
        self._concentration.restyle(colours)

    def _show_participants(self, code: str) -> None:
        frame = stock.participants(self._snapshot, code)
        if not frame.height:
            self._participant_area.objects = [not_watched(code)]
            return
        self._participants.show(frame)
        self._big.show(stock.big_changes(self._snapshot, code))
        self._concentration.draw(charts.concentration(stock.concentration(self._snapshot, code)))
        since = frame["base_date"].drop_nulls()
        compared = f", changes since {formats.day(since[0])}" if since.len() else ""
        self._participant_note.object = (
            f'<p class="muted" style="font-size:12px">List of {formats.day(frame["session_date"][0])}{compared}. '
            "A broker or custodian is not the owner.</p>"
        )
        self._participant_area.objects = [self._participant_cards]

    def _layout(self) -> pn.Column:
        def files(name: str, table: Table) -> list[object]:
            return downloads(
                lambda: f"hk-{self._identity.stock_code if self._identity else ''}-{name}-{self._last}",
                lambda: table.frame,
                lambda: about(self._snapshot, self._origin, str(self._last)),
            )

        holders = card(
            "Participants",
            self._participant_note,
            self._participants.pane,
            note="Who holds the stock in CCASS",
            footer=files("participants", self._participants),
        )
        right = stack(
            card(
                "Concentration",
                self._concentration.pane,
                note="Share of the largest named participants; see the dictionary for denominators",
            ),
            card(
                "Changes above 0.25 pp",
                self._big.pane,
                note="By participant, of the issued shares",
                footer=files("big-changes", self._big),
            ),
        )
        self._participant_cards = grid(holders, right)
        return stack(
            self._kpis,
            self._events,
            card(
                "Holding and percent of issued",
                self._holding.pane,
                note="Left: shares; right: percent of the issued shares as published; below: change over one session. "
                "Drag the bar to zoom",
            ),
            self._participant_area,
            card("Daily history", self._history.pane, footer=files("history", self._history)),
        )


def stock_kpis(history: pl.DataFrame, changes: pl.DataFrame, place: tuple[int, int] | None) -> list[Kpi]:
    """Return the tiles of a stock: holding, percent, changes over 1, 5 and 20 sessions, place."""
    last = history.row(-1, named=True)
    rank = f"number {place[0]} of {place[1]} by % of issued" if place else "not on the newest list"
    tiles = [
        Kpi(
            key="holding",
            label="Holding, shares",
            value=formats.compact(last["shareholding_shares"]),
            hint=formats.integer(last["shareholding_shares"]),
        ),
        Kpi(key="pct", label="Percent of issued", value=formats.percent(last["pct_of_issued"]), hint=rank),
    ]
    for row in changes.iter_rows(named=True):
        window, points, shares = row["window_sessions"], row["change_pp"], row["change_shares"]
        known = points is not None or shares is not None
        sign = round(points, 2) if points is not None else shares
        tiles.append(
            Kpi(
                key=f"change-{window}",
                label=f"{charts.arrow(sign)}{'1 session' if window == 1 else f'{window} sessions'}",
                value=formats.points(points) if points is not None else formats.signed_compact(shares),
                hint=f"{formats.signed_compact(shares)} since {row['base_date']}" if known else "no base within reach",
                tone="up" if sign and sign > 0 else "down" if sign and sign < 0 else "",
            )
        )
    score = last["robust_z"]
    tiles.append(
        Kpi(
            key="z",
            label="Unusual? (z)",
            value=formats.MISSING if score is None else f"{score:+.1f}".replace("-", formats.MINUS),
            hint="too few observations"
            if score is None
            else "unusual for this stock"
            if last["is_unusual"]
            else "within its usual range",
        )
    )
    return tiles


def events_markup(events: pl.DataFrame) -> str:
    """Return when the stock entered or left the list, and its other counter; empty markup if it never did."""
    from html import escape

    lines = []
    for row in events.head(6).iter_rows(named=True):
        if row["kind"] == "counter_change":
            other = escape(f"{row['linked_stock_code']} {row['linked_stock_name'] or ''}".strip())
            link = f'<a href="/hk/stock/{escape(row["linked_stock_code"])}">{other}</a>'
            rating = escape(
                f"{row['counter_role'] or 'unknown'} counter, {row['counter_confidence'] or 'unrated'} confidence"
            )
            text = f"⇄ suspected temporary counter ({rating}): {link}"
        else:
            text = toned(
                {"in": "entered the list", "out": "left the list"}[row["direction"]],
                1 if row["direction"] == "in" else -1,
            )
            text += f' <span class="muted">{escape(row["kind"])}</span>'
        lines.append(f'<li><span class="num muted">{row["session_date"]}</span> {text}</li>')
    if not lines:
        return ""
    return f'<ul class="events">{"".join(lines)}</ul>'


def unknown(text: str, near: list[stock.Identity]) -> pn.Column:
    """Return the content for a code or name that no list has ever had."""
    links = [(f"{code} {name} {other or ''}".strip(), f"/hk/stock/{code}") for code, name, other in near]
    reasons = "The code may be wrong, the stock may never have been eligible, or its sessions are not collected yet."
    sentences = [
        f"No southbound list in this build has a stock “{text}”. {reasons}",
        "Near matches:" if links else "Search by code or by name, in English or Chinese.",
    ]
    commands = [] if links else ["fin status hkex_southbound"]
    return empty_state(f"No stock “{text}”", sentences, commands, [*links, ("All stocks held now", "/hk/stock")])


def not_watched(code: str) -> pn.Column:
    """Return what stands where participants would be."""
    return empty_state(
        "Participants are not collected for this stock",
        ["Participant lists are collected for a watchlist only. Add the code to it in fin.toml and run the source:"],
        [f'[sources.hkex_southbound]  watchlist = [..., "{code}"]', "fin run hkex_southbound --table participants"],
    )


_HISTORY_COLUMNS = (
    Column(field="session_date", title="Session", kind="date", width=100),
    Column(field="shareholding_shares", title="Holding, shares", kind="integer", width=130),
    Column(field="pct_of_issued", title="% of issued", kind="pct", width=100),
    Column(field="change_shares", title="Change, shares", kind="signed", width=140),
    Column(field="change_pp", title="Change, pp", kind="signed_pp", width=110),
    Column(field="robust_z", title="z", kind="number", width=70),
    Column(field="base_date", title="Base date", kind="date", width=100),
    Column(field="day_state", title="Day", width=130),
)
_PARTICIPANT_COLUMNS = (
    Column(field="participant_id", title="Id", width=72),
    Column(field="participant_name", title="Name", width=170, grow=3),
    Column(field="participant_kind", title="Kind", width=84),
    Column(field="shareholding_shares", title="Holding", kind="compact", width=84),
    Column(field="holding_pct", title="% of issued", kind="pct", width=92),
    Column(field="change_pp", title="Change, pp", kind="signed_pp", width=104),
)
_BIG_COLUMNS = (
    Column(field="session_date", title="Session", kind="date", width=92),
    Column(field="participant_name", title="Name", width=150, grow=2),
    Column(field="kind", title="What", width=84),
    Column(field="change_pp", title="Change, pp", kind="signed_pp", width=104),
    Column(field="previous_change_date", title="Changed before", kind="date", width=106),
)
