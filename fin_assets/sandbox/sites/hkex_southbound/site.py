"""The embedded HKEX site: which list or table a request gets, by the site's own rules of dates.

Knows no transport, which is in `routes.py`, and no faults: `prepare` decides what a request gets, and the `Answer`
renders it later, with the edits that a fault wants.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fin_assets.sandbox.context import last_at_or_before
from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.site import OpenSite
from fin_assets.sandbox.sites.hkex_southbound.answers import HkexAnswer, HoldingsAnswer, ParticipantsAnswer
from fin_assets.sandbox.sites.hkex_southbound.dataset import DatasetMarket
from fin_assets.sandbox.sites.hkex_southbound.formstate import FormState
from fin_assets.sandbox.sites.hkex_southbound.generate import NORTHBOUND_QUARTERLY_SINCE, GeneratedMarket
from fin_assets.sandbox.sites.hkex_southbound.market import MARKETS, DayList, Market
from fin_assets.sandbox.sites.hkex_southbound.pages import holdings as holdings_page
from fin_assets.sandbox.sites.hkex_southbound.pages import participants as participants_page
from fin_assets.sandbox.sites.hkex_southbound.pages.common import COLUMNS, Language, slashed
from fin_assets.sandbox.sites.hkex_southbound.participants import ParticipantList, participants
from fin_assets.sandbox.sites.hkex_southbound.routes import LINKS, HkexRoutes
from fin_assets.sandbox.sites.hkex_southbound.universe import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from fin_assets.sandbox.context import SiteContext
    from fin_assets.sandbox.rendered import Edits
    from fin_assets.sandbox.site import Page
    from fin_assets.sandbox.sites.hkex_southbound.options import HkexOptions

TIMEZONE: Final = "Asia/Hong_Kong"
_DEFAULT_MONTHS: Final = 26
_CACHED_TABLES: Final = 48
"""Rendered tables kept; one is about 0.8 MB, so some 40 MB at most."""
_AHEAD: Final = timedelta(days=370)
"""Generated beyond today, so that a sandbox that runs on gets new lists by itself."""

_ALERTS: Final = {
    "en": {
        "format": "Enter the date as yyyy/mm/dd.",
        "range": "There are no records for this date. Choose one from {first} to {last}.",
        "none": "There are no records for this market.",
        "code": "Stock code {code} has no records on this date.",
        "ask": "Enter a stock code.",
    },
    "zh": {
        "format": "請以 yyyy/mm/dd 輸入日期。",
        "range": "該日沒有紀錄，請選擇 {first} 至 {last} 的日期。",
        "none": "此市場沒有紀錄。",
        "code": "股份代號 {code} 於該日沒有紀錄。",
        "ask": "請輸入股份代號。",
    },
}


class HkexSite(OpenSite):
    """Lists and tables by the site's rules.

    Args:
        context: seed, range of days and clock.
        options: what to serve.

    Raises:
        SandboxError: the dataset or the range of days cannot be used.
    """

    columns = COLUMNS

    def __init__(self, context: SiteContext, options: HkexOptions) -> None:
        self._context, self._options = context, options
        self.state = FormState(f"sandbox:{context.seed}")
        self._given = DatasetMarket(options.dataset) if options.dataset else None
        self._start = self._first_day()
        self._market = lru_cache(maxsize=len(MARKETS))(self._open_market)
        self._list = lru_cache(maxsize=_CACHED_TABLES)(lambda market, day: self._opened(market).on(day))
        self._rows = lru_cache(maxsize=_CACHED_TABLES)(self._make_rows)
        self._published = lru_cache(maxsize=len(MARKETS))(self._published_on)
        if not self.published("hk"):
            msg = f"sandbox: no list day from {self._start} to {self.today()}; set another start or end"
            raise SandboxError(msg)

    def pages(self) -> list[Page]:
        """Return the search pages."""
        return HkexRoutes(self).pages()

    def plain_routes(self) -> list[web.RouteDef]:
        """Return the start page, the list of stocks, style and script."""
        return HkexRoutes(self).plain_routes()

    def links(self) -> Sequence[tuple[str, str]]:
        """Return the pages from which a person starts."""
        return LINKS

    def facts(self) -> dict[str, Any]:
        """Return today and which southbound lists are on the site."""
        days = self.published("hk")
        return {
            "today": self.today().isoformat(),
            "southbound_lists": len(days),
            "first_list": days[0].isoformat(),
            "newest_list": days[-1].isoformat(),
        }

    def summary(self) -> str:
        """Return how many southbound lists are on the site, and of which days."""
        days = self.published("hk")
        data = self._options.data(self._context.seed)
        return f"{len(days)} southbound lists, {days[0]} to {days[-1]}, {data}"

    def _first_day(self) -> date:
        if self._given is not None:
            return self._context.start or self._given.days[0]
        start = self._context.start or self._context.generated_from or months_before(self.today(), _DEFAULT_MONTHS)
        if start < EPOCH:
            msg = f"sandbox: start {start} is before the first list of {EPOCH}; set a later start"
            raise SandboxError(msg)
        return start

    def _open_market(self, name: str) -> Market | None:
        if self._given is not None:
            return self._given if name == "hk" else None
        until = self.today() + _AHEAD
        return GeneratedMarket(market=name, seed=self._context.seed, start=self._start, until=until)

    def _opened(self, name: str) -> Market:
        market = self._market(name)
        if market is None:
            msg = f"sandbox: a dataset has no {name} lists; only hk can be given"
            raise SandboxError(msg)
        return market

    def today(self) -> date:
        """Return the sandbox's today: as set, the day after a dataset's last list, or the real one in Hong Kong."""
        if self._given is not None and self._context.end is None:
            return self._given.days[-1] + self._options.publication_lag
        return self._context.today(TIMEZONE)

    def newest_day(self) -> date:
        """Return the last day that may be asked for: lists are on the site `publication_lag` after their day."""
        return self.today() - self._options.publication_lag

    def oldest_day(self, market: str) -> date:
        """Return the first day that may be asked for, given the market's first list and the kept history."""
        days = self.published(market)
        first = days[0] if days else self._start
        months = self._options.history_months
        return first if months is None else max(first, months_before(self.today(), months))

    def published(self, market: str) -> Sequence[date]:
        """Return the list days of a market that are on the site today, ascending; empty for a market without data."""
        return self._published(market, self.today())

    def _published_on(self, market: str, today: date) -> Sequence[date]:
        opened = self._market(market)
        if opened is None:
            return ()
        return [day for day in opened.days if self._start <= day and self._is_published(market, day, today)]

    def _is_published(self, market: str, day: date, today: date) -> bool:
        if market == "hk" or day < NORTHBOUND_QUARTERLY_SINCE:
            return day <= today - self._options.publication_lag
        return _quarter_end(day) + self._options.quarterly_lag <= today

    def list_of(self, day: date, market: str = "hk") -> DayList:
        """Return a list, as the page of that day shows it."""
        found: DayList = self._list(market, day)
        return found

    def participants_of(self, code: int, day: date) -> ParticipantList | None:
        """Return the participants of a stock on a list day; None if the stock is not on that list."""
        listed = self.list_of(day)
        row = listed.find(code)
        if row is None:
            return None
        return participants(
            seed=self._context.seed,
            code=code,
            name_en=listed.names_en[row],
            name_zh=listed.names_zh[row],
            southbound=listed.shares[row],
            issued=self._opened("hk").issued(code, day),
            day=day,
        )

    def prepare(self, page: str, query: Mapping[str, str], posted: Mapping[str, str] | None) -> HkexAnswer:
        """Decide what a request gets.

        Args:
            page: one of `routes.PAGES`.
            query: query parameters.
            posted: form fields of a POST; None for a GET.

        Raises:
            FormStateRefused: the posted form state is not this page's.
        """
        fields: Mapping[str, str] | None = None
        if posted is not None:
            self.state.check(page, posted)
            if "btnSearch" in posted or posted.get("__EVENTTARGET") == "btnSearch":
                fields = posted
        language: Language = "zh" if page.endswith("_c.aspx") else "en"
        if page.startswith("mutualmarket"):
            market = query.get("t", "hk")
            return self._holdings(page, language, market if market in MARKETS else "hk", fields)
        return self._participants(page, language, fields)

    def _resolve(self, market: str, asked: str, language: Language) -> tuple[date | None, str | None]:
        """Return the list day that a typed date leads to, or None and the alert."""
        alerts, days = _ALERTS[language], self.published(market)
        day = _typed_date(asked)
        if day is None:
            return None, alerts["format"]
        if not days:
            return None, alerts["none"]
        first, last = self.oldest_day(market), self.newest_day()
        if not first <= day <= last:
            return None, alerts["range"].format(first=slashed(first), last=slashed(last))
        return last_at_or_before(days, day), None

    def _before(self, market: str, day: date | None) -> date | None:
        return None if day is None else last_at_or_before(self.published(market), day - timedelta(days=1))

    def _holdings(self, page: str, language: Language, market: str, fields: Mapping[str, str] | None) -> HoldingsAnswer:
        days = self.published(market)
        alert: str | None
        if fields is None:
            shown, alert = (days[-1], None) if days else (None, _ALERTS[language]["none"])
            asked, key = slashed(shown or self.newest_day()), f"{market}:newest"
        else:
            asked = fields.get("txtShareholdingDate", "")
            shown, alert = self._resolve(market, asked, language)
            key = f"{market}:{asked.replace('/', '-')}"
        order = _order(fields, holdings_page.SORTS, default=("stockcode", True))
        return HoldingsAnswer(
            key=key,
            searched=fields is not None,
            page=page,
            language=language,
            today=self.today(),
            asked=asked,
            order=order,
            alert=alert,
            nothing=_ALERTS[language]["none"],
            state=self.state.fields(page),
            market=market,
            shown=shown,
            before=self._before(market, shown),
            rows=self._rows,
        )

    def _make_rows(self, market: str, day: date, language: Language, order: tuple[str, bool], edits: Edits) -> str:
        listed = self.list_of(day, market)
        return holdings_page.rows(listed, market=market, language=language, order=order, edits=edits)

    def _participants(self, page: str, language: Language, fields: Mapping[str, str] | None) -> ParticipantsAnswer:
        typed, asked, key = "", slashed(self.newest_day()), "searchsdw:form"
        day, found, alert = None, None, None
        if fields is not None:
            typed, asked = fields.get("txtStockCode", "").strip(), fields.get("txtShareholdingDate", "")
            key = f"{typed.zfill(5)}:{asked.replace('/', '-')}"
            day, alert = self._resolve("hk", asked, language)
            if day is not None:
                found, alert = self._find(typed, day, language)
        before = self._before("hk", day)
        code = 0 if found is None else found.code
        order = _order(fields, participants_page.SORTS, default=("shareholding", False))
        return ParticipantsAnswer(
            key=key,
            searched=fields is not None,
            page=page,
            language=language,
            today=self.today(),
            asked=asked,
            order=order,
            alert=alert,
            nothing=_ALERTS[language]["none"],
            state=self.state.fields(page),
            code=typed,
            found=found,
            before=before,
            found_before=lambda: None if before is None else self.participants_of(code, before),
        )

    def _find(self, typed: str, day: date, language: Language) -> tuple[ParticipantList | None, str | None]:
        alerts = _ALERTS[language]
        if not typed:
            return None, alerts["ask"]
        found = self.participants_of(int(typed), day) if typed.isdecimal() and typed.isascii() else None
        return found, None if found else alerts["code"].format(code=typed)


def _order(fields: Mapping[str, str] | None, known: Sequence[str], *, default: tuple[str, bool]) -> tuple[str, bool]:
    if fields is None or fields.get("sortBy") not in known:
        return default
    return fields["sortBy"], fields.get("sortDirection", "asc") != "desc"


def _typed_date(text: str) -> date | None:
    """Return the date of `yyyy/mm/dd`, the only form that the site takes."""
    match = re.fullmatch(r"(\d{4})/(\d{2})/(\d{2})", text, flags=re.ASCII)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _quarter_end(day: date) -> date:
    month = (day.month - 1) // 3 * 3 + 3
    return date(day.year, month, monthrange(day.year, month)[1])


def months_before(day: date, months: int) -> date:
    """Return the same day of the month `months` months earlier, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
