"""The embedded Indonesian sites: which list or table a request gets, by the sites' own rules.

Knows no transport, which is in `routes.py`, and no faults. A session's data are there from 18:00 of its day in Jakarta; a
day without data gives an empty list or an empty body, as on the real sites.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from fin_assets.sandbox.context import last_at_or_before
from fin_assets.sandbox.site import OpenSite
from fin_assets.sandbox.sites.idx_brokers.answers import ListAnswer, PageAnswer, Slice, TableAnswer
from fin_assets.sandbox.sites.idx_brokers.dataset import DatasetIdx
from fin_assets.sandbox.sites.idx_brokers.flows import BOARDS, INVESTORS, Flows, Table, table_of
from fin_assets.sandbox.sites.idx_brokers.generate import GeneratedIdx, horizon, session_before
from fin_assets.sandbox.sites.idx_brokers.options import IDX
from fin_assets.sandbox.sites.idx_brokers.pages import idx_json, ipot, other
from fin_assets.sandbox.sites.idx_brokers.routes import COOKIE, LINKS, IdxRoutes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

    from fin_assets.sandbox.context import SiteContext
    from fin_assets.sandbox.site import Page
    from fin_assets.sandbox.sites.idx_brokers.flows import Board, Investor
    from fin_assets.sandbox.sites.idx_brokers.market import IdxMarket, SessionFacts
    from fin_assets.sandbox.sites.idx_brokers.options import IdxOptions

TIMEZONE: Final = "Asia/Jakarta"
PUBLISHED_AT: Final = time(18)
LISTS: Final = {
    "GetStockSummary": ("stock_summary", idx_json.STOCK_KEYS, "Volume"),
    "GetBrokerSummary": ("broker_summary_market", idx_json.BROKER_KEYS, "Value"),
    "GetSecuritiesStock": ("securities", idx_json.SECURITY_KEYS, "Code"),
    "GetBrokerSearch": ("members", idx_json.MEMBER_KEYS, "Code"),
}
"""Endpoint to (name of its unit, keys of a row, key that readers need)."""
_KEPT_SESSIONS: Final = 12
"""One of 950 stocks takes some 5 MB."""


class IdxSite(OpenSite):
    """Lists and tables by the sites' rules.

    Args:
        context: seed, range of days and clock.
        options: what to serve.

    Raises:
        SandboxError: the dataset cannot be used.
    """

    columns = tuple(sorted({*(key for _, keys, _ in LISTS.values() for key in keys), *ipot.HEADINGS}))
    lists = frozenset(LISTS)

    def __init__(self, context: SiteContext, options: IdxOptions) -> None:
        self._context, self._options = context, options
        self._given = DatasetIdx(options.dataset) if options.dataset else None
        self.session_facts = lru_cache(maxsize=_KEPT_SESSIONS)(self._facts)
        self.flows = lru_cache(maxsize=_KEPT_SESSIONS)(self._flows)
        self.cookie: Final = hashlib.sha256(f"clearance:{context.seed}".encode()).hexdigest()

    def pages(self) -> list[Page]:
        """Return the start page, the lists, the broker table and the page of a stock."""
        return IdxRoutes(self).pages()

    def plain_routes(self) -> list[web.RouteDef]:
        """Return the redirect to the start page."""
        return IdxRoutes(self).plain_routes()

    def links(self) -> Sequence[tuple[str, str]]:
        """Return the pages from which a person starts."""
        return LINKS

    def facts(self) -> dict[str, Any]:
        """Return today; the market itself is generated when a page first needs it."""
        return {"today": self._context.today(TIMEZONE).isoformat()}

    def summary(self) -> str:
        """Return which market is served."""
        return f"the market of Jakarta, {self._options.data(self._context.seed)}"

    @cached_property
    def market(self) -> IdxMarket:
        """The sessions behind the sites; generated when first asked for."""
        if self._given is not None:
            return self._given
        until = horizon(self._context.today(TIMEZONE))
        return GeneratedIdx(companies=self._options.tickers, seed=self._context.seed, until=until)

    def _facts(self, day: date) -> SessionFacts:
        return self.market.on(day)

    def _flows(self, day: date) -> Flows:
        return Flows(self.session_facts(day), stocks=len(self.market.codes), seed=self._context.seed)

    def is_published(self, day: date) -> bool:
        """Return whether `day` is a session whose data are on the sites now."""
        if last_at_or_before(self.market.sessions, day) != day:
            return False
        now = self._context.now(TIMEZONE)
        return day < now.date() or (day == now.date() and now.time() >= PUBLISHED_AT)

    def newest(self) -> date | None:
        """Return the last session with data on the sites; None if there is none yet."""
        day = last_at_or_before(self.market.sessions, self._context.today(TIMEZONE))
        if day is None or self.is_published(day):
            return day
        return session_before(self.market.sessions, day)

    def _before(self, day: date) -> date:
        return session_before(self.market.sessions, day) or day

    def home(self) -> PageAnswer:
        """Return the start page, which sets the cookie that the lists want."""
        links = [
            (f"{IDX}/primary/{folder}/{name}?length=9999&start=0", name)
            for folder, name in (
                ("TradingSummary", "GetStockSummary"),
                ("TradingSummary", "GetBrokerSummary"),
                ("StockData", "GetSecuritiesStock"),
                ("MemberParticipants", "GetBrokerSearch"),
            )
        ]
        return PageAnswer(key="idx:home", html=lambda: other.home(links), cookie=f"{COOKIE}={self.cookie}")

    def listed(self, endpoint: str, query: Mapping[str, str]) -> ListAnswer:
        """Decide what a request to one of `LISTS` gets; parameter names are taken in any case."""
        asked = {name.lower(): value for name, value in query.items()}
        unit, columns, needed = LISTS[endpoint]
        key, rows, before = unit, idx_json.members, idx_json.members
        if endpoint == "GetSecuritiesStock":
            rows = before = self._securities(asked)
        elif endpoint != "GetBrokerSearch":
            make = self._stock_rows if endpoint == "GetStockSummary" else self._broker_rows
            day = _compact_date(asked["date"]) if asked.get("date") else self.newest()
            key = f"{unit}:{day or asked.get('date')}"
            rows = partial(make, day) if day is not None and self.is_published(day) else list
            before = partial(make, self._before(day)) if day is not None else list
        return ListAnswer(
            key=key,
            found=rows is not list,
            rows=rows,
            rows_before=before,
            page=self._slice(asked),
            columns=columns,
            needed=needed,
        )

    def _slice(self, asked: Mapping[str, str]) -> Slice:
        length, cap = _count(asked.get("length")) or None, self._options.page_cap
        if cap is not None:
            length = min(length or cap, cap)
        return Slice(_count(asked.get("start")) or 0, length)

    def _stock_rows(self, day: date) -> idx_json.Rows:
        return idx_json.stock_summary(self.session_facts(day))

    def _broker_rows(self, day: date) -> idx_json.Rows:
        return idx_json.broker_summary(self.flows(day))

    def _securities(self, asked: Mapping[str, str]) -> Callable[[], idx_json.Rows]:
        code, board, newest = asked.get("code", "").upper(), asked.get("board", "").lower(), self.newest()

        def rows() -> idx_json.Rows:
            listed = [] if newest is None else self.market.securities(newest)
            return idx_json.securities(s for s in listed if s.code.startswith(code) and board in ("", s.board.lower()))

        return rows

    def table(self, query: Mapping[str, str]) -> TableAnswer:
        """Decide what a request to the broker table gets."""
        code = query.get("code", "").strip().upper()
        board = next((known for known in BOARDS if known == query.get("board")), BOARDS[0])
        investor = next((known for known in INVESTORS if known == query.get("fd")), INVESTORS[0])
        newest = self.newest()
        start = _american_date(query["start"]) if query.get("start") else newest
        end = _american_date(query["end"]) if query.get("end") else start
        unit = f"{code}/{board}/{investor}"
        if start is None or end is None:
            wanted = f"{query.get('start')}..{query.get('end')}"
            return TableAnswer(key=f"{unit}:{wanted}", view=None, refusal="", before=lambda: None)
        key = f"{unit}:{start}" if start == end else f"{unit}:{start}..{end}"
        if code not in self._known:
            return TableAnswer(key=key, view=None, refusal=ipot.INVALID_CODE, before=lambda: None)
        complete = query.get("list") == "full" and self._options.more

        def view(first: date, last: date) -> ipot.TableView | None:
            found = self.table_of(code, first, last, board, investor)
            return None if found is None else ipot.TableView(
                code=code, start=first, end=last, investor=investor, board=board, table=found,
                complete=complete, more=self._options.more,
            )  # fmt: skip

        earlier = self._before(start)
        return TableAnswer(key=key, view=view(start, end), refusal="", before=lambda: view(earlier, earlier))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.market.codes)

    def table_of(
        self, code: str, start: date, end: date, board: Board = "all", investor: Investor = "all"
    ) -> Table | None:
        """Return the complete table of a stock over the published sessions from `start` to `end`; None without trades."""
        days = (day for day in self.market.sessions if start <= day <= end and self.is_published(day))
        found = (self.flows(day).cells(code, board, investor) for day in days)
        return table_of(cells for cells in found if cells is not None)

    def news(self, query: Mapping[str, str]) -> PageAnswer:
        """Return the page of a stock around its newest table."""
        code = query.get("code", "").strip().upper()
        newest, answer = self.newest(), self.table({"code": code})

        def html() -> str:
            if newest is None or code not in self._known:
                return ipot.page(code=code, name="", last=0, content=ipot.INVALID_CODE)
            facts = self.session_facts(newest)
            row = facts.codes.index(code) if code in facts.codes else None
            name, last = ("", 0) if row is None else (facts.names[row], int(facts.close[row]))
            return ipot.page(code=code, name=name, last=last, content=answer.render())

        return PageAnswer(key=f"{code}:page", html=html)


def _count(text: str | None) -> int | None:
    """Return a whole number of 0 or more; None for anything else."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None


def _dated(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=ZoneInfo(TIMEZONE)).date()
    except ValueError:
        return None


def _compact_date(text: str) -> date | None:
    return _dated(text, "%Y%m%d")


def _american_date(text: str) -> date | None:
    return _dated(text, "%m/%d/%Y")
