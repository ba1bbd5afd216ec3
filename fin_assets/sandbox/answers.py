"""What one request gets, decided but not rendered: the result page, its landing page, and the page of the day before.

Made by a site with everything that the pages need; rendered by the server, once a fault had its say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.pages import hkex_holdings, hkex_participants
from fin_assets.sandbox.pages.common import NO_EDITS, Edits, Language, slashed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from fin_assets.sandbox.participants import ParticipantList


class Answer(ABC):
    """What every answer of every site can do.

    Attributes:
        site: first part of the site's paths.
        content_type: what the undisturbed answer is.
        cannot: kinds of faults that mean nothing here.
    """

    __slots__ = ()
    site: ClassVar[str]
    content_type: ClassVar[str] = "text/html"
    cannot: ClassVar[frozenset[FaultKind]] = frozenset()

    @property
    @abstractmethod
    def unit(self) -> str:
        """What it is about, as faults and the request log name it."""

    @property
    @abstractmethod
    def has_result(self) -> bool:
        """Whether a result is shown, not the landing page."""

    def headers(self) -> Mapping[str, str]:
        """Return what the undisturbed answer carries besides the usual headers."""
        return {}

    @abstractmethod
    def render(self, edits: Edits = NO_EDITS) -> str:
        """Return the page."""

    @abstractmethod
    def landing(self) -> str:
        """Return the landing page of the same request."""

    @abstractmethod
    def stale(self) -> str:
        """Return the page of the list day before; the same as `render` if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HkexAnswer(Answer):
    """What both HKEX pages have.

    Attributes:
        key: the unit that it is about: `hk:2024-05-02`, `00700:2024-05-02`, `hk:newest`, `searchsdw:form`.
        page, language: which file was asked for.
        today: the site's today.
        asked: what the date field shows.
        order: what the rows are sorted by, and whether ascending.
        alert: the site's message to the user.
        nothing: the message of a landing page that stands in for a result.
        state: hidden fields of the form.
    """

    site: ClassVar[str] = "/hkexnews"
    cannot: ClassVar[frozenset[FaultKind]] = frozenset({FaultKind.WRONG_LOTS})
    key: str
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
        view = hkex_holdings.HoldingsView(
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
        return hkex_holdings.render(view, table_rows=rows, edits=edits)


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
        view = hkex_participants.ParticipantsView(
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
        return hkex_participants.render(view, edits=edits)
