"""One stock: its southbound holding over time, and who holds it in CCASS if that is collected."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import panel as pn
import polars as pl
from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.areas.hk import charts, columns
from dashboards.areas.hk.queries import market, stock
from dashboards.ui import formats, identities
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.components import (
    Kpi,
    arrow,
    card,
    empty_state,
    grid,
    html,
    joined,
    kpi_markup,
    small,
    stack,
    tone,
    toned,
)
from dashboards.ui.page import BasePage
from dashboards.ui.tables import Table


class Stock(BasePage):
    """The page's content. The visit's code is what stands in the path: a code, with or without leading zeros, or a name."""

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit)
        self._holding = Chart(height=470, label="Holding, percent of issued shares, and daily change")
        self._concentration = Chart(height=260, label="Share of the largest participants")
        self.charts = (self._holding, self._concentration)
        self.state: identities.CompanyState = identities.CompanyState()
        self.state.load(visit.query)
        self._span = identities.ALWAYS
        self._companies = html("", visible=False)
        self._events = html("")
        self._history = Table(columns.HISTORY, page_size=10)
        self._participants = Table(columns.PARTICIPANTS, page_size=12)
        self._big = Table(
            columns.BIG_CHANGES, page_size=8, placeholder="No participant changed by more than 0.25 percentage points"
        )
        self._participant_note = html("")
        self._participant_area = stack()
        self.tables = {"": self._history, "participants": self._participants, "changes": self._big}
        self._content = self._layout()
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        if self._identity is None:
            return Heading(title=f"No stock “{self.visit.code}”", status=404)
        code, name, other = self._identity
        newest = market.sessions(self.build)[-1]
        as_of = formats.day(self._last) + ("" if self._last == newest else " (left the list)")
        if not self._span.is_current:
            name, other = self._span.name or f"company {self._span.number}", "Earlier company of this code"
        return Heading(
            title=f"{code} {name}", subtitle=other or "Southbound holding", chips=self.chips(newest, as_of=as_of)
        )

    def covers(self) -> dict[str, str]:
        """See `BasePage`."""
        return {"as of": str(self._last)}

    def shown(self) -> Viewable:
        """See `BasePage`."""
        build, text = self.build, self.visit.code
        self._identity = stock.find(build, text)
        if self._identity is None:
            return unknown(text, stock.similar(build, text))
        code = self._identity.stock_code
        companies = stock.companies(build, code)
        span = self._span = identities.chosen(companies, self.state.company)
        self._companies.object = identities.note(companies, span, path=columns.STOCK_PATH + code)
        self._companies.visible = bool(companies)
        frame = stock.history(build, code, span=span)
        self._last = frame["session_date"][-1]
        rank = stock.rank_by_share(build, code) if span.is_current else None
        self._kpis.object = kpi_markup(stock_kpis(frame, stock.changes(build, code, span=span), rank))
        self._events.object = events_markup(stock.listing_events(build, code, span=span))
        self._events.visible = bool(self._events.object)
        self._holding.draw(charts.holding(frame))
        self._history.show(frame.reverse())
        self._show_participants(code)
        return self._content

    def _show_participants(self, code: str) -> None:
        frame = stock.participants(self.build, code, span=self._span)
        if not frame.height:
            self._participant_area.objects = [not_watched(code)]
            return
        self._participants.show(frame)
        self._big.show(stock.big_changes(self.build, code, span=self._span))
        self._concentration.draw(charts.concentration(stock.concentration(self.build, code, span=self._span)))
        since = frame["base_date"].drop_nulls()
        compared = f", changes since {formats.day(since[0])}" if since.len() else ""
        self._participant_note.object = small(
            f"List of {formats.day(frame['session_date'][0])}{compared}. A broker or custodian is not the owner."
        )
        self._participant_area.objects = [self._participant_cards]

    def _layout(self) -> pn.Column:
        def files(name: str, table: Table) -> list[object]:
            return self.files(
                lambda: f"hk-{self._identity.stock_code if self._identity else ''}-{name}-{self._last}", table
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
            self._companies,
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
                label=f"{arrow(sign)}{'1 session' if window == 1 else f'{window} sessions'}",
                value=formats.points(points) if points is not None else formats.signed_compact(shares),
                hint=f"{formats.signed_compact(shares)} since {row['base_date']}" if known else "no base within reach",
                tone=tone(sign),
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


_EVENT = Markup('<li><span class="num muted">{}</span> {}</li>')


def events_markup(events: pl.DataFrame) -> Markup:
    """Return when the stock entered or left the list, and its other counter; empty markup if it never did."""
    lines = joined(_EVENT.format(row["session_date"], _event(row)) for row in events.head(6).iter_rows(named=True))
    return Markup('<ul class="events">{}</ul>').format(lines) if lines else lines


def _event(row: dict[str, Any]) -> Markup:
    if row["kind"] != "counter_change":
        words, sign = {"in": ("entered the list", 1), "out": ("left the list", -1)}[row["direction"]]
        return Markup('{} <span class="muted">{}</span>').format(toned(words, sign), row["kind"])
    other = f"{row['linked_stock_code']} {row['linked_stock_name'] or ''}".strip()
    rating = f"{row['counter_role'] or 'unknown'} counter, {row['counter_confidence'] or 'unrated'} confidence"
    return Markup('⇄ suspected temporary counter ({}): <a href="{}{}">{}</a>').format(
        rating, columns.STOCK_PATH, row["linked_stock_code"], other
    )


def unknown(text: str, near: list[stock.Identity]) -> pn.Column:
    """Return the content for a code or name that no list has ever had."""
    links = [(f"{code} {name} {other or ''}".strip(), f"{columns.STOCK_PATH}{code}") for code, name, other in near]
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
