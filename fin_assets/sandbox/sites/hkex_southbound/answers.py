"""What one request to HKEXnews gets: the result page, its landing page, and the page of the list day before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fin_assets.sandbox.rendered import NO_EDITS, Answer, Edits
from fin_assets.sandbox.sites.hkex_southbound.formstate import VIEW_STATE_REFUSED
from fin_assets.sandbox.sites.hkex_southbound.pages import holdings as holdings_page
from fin_assets.sandbox.sites.hkex_southbound.pages import other
from fin_assets.sandbox.sites.hkex_southbound.pages import participants as participants_page
from fin_assets.sandbox.sites.hkex_southbound.pages.common import Language, slashed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from fin_assets.sandbox.sites.hkex_southbound.participants import ParticipantList


@dataclass(frozen=True, slots=True, kw_only=True)
class HkexAnswer(Answer):
    """What both HKEX pages have.

    Attributes:
        key: the unit that it is about: `hk:2024-05-02`, `00700:2024-05-02`, `hk:newest`, `searchsdw:form`.
        searched: whether a search was posted; a plain visit is no unit of data.
        page, language: which file was asked for.
        today: the site's today.
        asked: what the date field shows.
        order: what the rows are sorted by, and whether ascending.
        alert: the site's message to the user.
        nothing: the message of a landing page that stands in for a result.
        state: hidden fields of the form.
    """

    key: str
    searched: bool
    page: str
    language: Language
    today: date
    asked: str
    order: tuple[str, bool]
    alert: str | None
    nothing: str
    state: Mapping[str, str]

    @property
    def unit(self) -> str:
        """What it is about."""
        return self.key

    @property
    def is_unit(self) -> bool:
        """Whether a search was posted."""
        return self.searched

    def form_refused(self) -> str:
        """Return ASP.NET's error page for a wrong view state."""
        return other.server_error(VIEW_STATE_REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsAnswer(HkexAnswer):
    """The list of `market` on `shown`; `before` is the list day before it. `rows` makes a table or has it cached."""

    market: str
    shown: date | None
    before: date | None
    rows: Callable[[str, date, Language, tuple[str, bool], Edits], str]

    @property
    def has_result(self) -> bool:
        """Whether a list is shown."""
        return self.shown is not None

    def render(self, edits: Edits = NO_EDITS) -> str:
        """Return the page."""
        return self._of(self.shown, self.alert, edits)

    def landing(self) -> str:
        """Return the page without a list."""
        return self._of(None, self.nothing, NO_EDITS)

    def stale(self) -> str:
        """Return the list of the day before, under its own heading."""
        return self._of(self.before or self.shown, self.alert, NO_EDITS)

    def _of(self, day: date | None, alert: str | None, edits: Edits) -> str:
        view = holdings_page.HoldingsView(
            page=self.page,
            language=self.language,
            market=self.market,
            today=self.today,
            asked=self.asked,
            shown=day,
            order=self.order,
            alert=alert,
            state=self.state,
        )
        rows = "" if day is None else self.rows(self.market, day, self.language, self.order, edits)
        return holdings_page.render(view, table_rows=rows, edits=edits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsAnswer(HkexAnswer):
    """The participants `found` for the typed `code`; `before` is the list day before and `found_before` its table."""

    code: str
    found: ParticipantList | None
    before: date | None
    found_before: Callable[[], ParticipantList | None]

    @property
    def has_result(self) -> bool:
        """Whether a table is shown."""
        return self.found is not None

    def render(self, edits: Edits = NO_EDITS) -> str:
        """Return the page."""
        return self._of(self.found, self.asked, self.alert, edits)

    def landing(self) -> str:
        """Return the page without a table."""
        return self._of(None, self.asked, self.nothing, NO_EDITS)

    def stale(self) -> str:
        """Return the table of the day before, with that day echoed."""
        earlier = self.found_before()
        if earlier is None or self.before is None:
            return self.render()
        return self._of(earlier, slashed(self.before), self.alert, NO_EDITS)

    def _of(self, found: ParticipantList | None, echo: str, alert: str | None, edits: Edits) -> str:
        name = "" if found is None else found.name_en if self.language == "en" else found.name_zh
        view = participants_page.ParticipantsView(
            page=self.page,
            language=self.language,
            today=self.today,
            asked=echo,
            code=self.code if found is None else f"{found.code:05d}",
            name=name,
            found=found,
            order=self.order,
            alert=alert,
            state=self.state,
        )
        return participants_page.render(view, edits=edits)
