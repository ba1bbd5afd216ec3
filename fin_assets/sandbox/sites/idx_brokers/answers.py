"""What one request to the Indonesian sites gets, decided but not rendered; rendered by the server after the faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from fin_assets.sandbox.rendered import NO_EDITS, Answer
from fin_assets.sandbox.sites.idx_brokers.options import IDX
from fin_assets.sandbox.sites.idx_brokers.pages import idx_json, ipot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fin_assets.sandbox.rendered import Edits

_RENAMED_KEY: Final = "FigureX"
_ALTERED: Final = ("Volume", "Shares")
"""What a wrong row is wrong in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAnswer(Answer):
    """A page that is no unit of data: the start page of the lists, or the page around a stock's newest table."""

    key: str
    html: Callable[[], str]
    cookie: str | None = None

    @property
    def unit(self) -> str:
        """What it is about."""
        return self.key

    @property
    def is_unit(self) -> bool:
        """Whether it is a unit of data: never."""
        return False

    @property
    def has_result(self) -> bool:
        """Whether a result is shown: never."""
        return False

    def headers(self) -> Mapping[str, str]:
        """Return the cookie that a visitor gets here."""
        return {} if self.cookie is None else {"Set-Cookie": f"{self.cookie}; Path={IDX}; HttpOnly; SameSite=Lax"}

    def render(self, edits: Edits = NO_EDITS) -> str:
        """Return the page."""
        del edits
        return self.html()

    def landing(self) -> str:
        """Return the page: it has no other."""
        return self.html()


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is asked for; length None for all that follows `start`."""

    start: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer(Answer):
    """A page of one of idx.co.id's lists.

    Attributes:
        key: `stock_summary:2026-03-31`, `broker_summary_market:2026-03-31`, `securities`, `members`.
        rows: makes all rows; empty where the site has none.
        rows_before: makes those of the session before.
        page: the asked part.
        columns: keys of a row.
        needed: the key that a fault renames unless it names another of `columns`.
    """

    content_type: ClassVar[str] = "application/json"
    key: str
    found: bool
    rows: Callable[[], idx_json.Rows]
    rows_before: Callable[[], idx_json.Rows]
    page: Slice
    columns: tuple[str, ...]
    needed: str

    @property
    def unit(self) -> str:
        """What it is about."""
        return self.key

    @property
    def has_result(self) -> bool:
        """Whether there are rows."""
        return self.found

    def render(self, edits: Edits = NO_EDITS) -> str:
        """Return the envelope; `recordsTotal` counts all rows whatever is shown."""
        return self._of(self.rows() if self.found else [], edits)

    def landing(self) -> str:
        """Return the envelope of a day without data."""
        return self._of([], NO_EDITS)

    def stale(self) -> str:
        """Return the rows of the session before, with that session's date."""
        return self._of(self.rows_before(), NO_EDITS)

    def _of(self, rows: idx_json.Rows, edits: Edits) -> str:
        total = len(rows)
        shown = rows[self.page.start :][: self.page.length]
        if edits.half:
            shown = shown[: len(shown) // 2]
        if edits.wrong_lots and shown:
            name = next((key for key in _ALTERED if key in self.columns), self.needed)
            # The largest row, so that it is one of which readers have a broker table.
            row = max(range(len(shown)), key=lambda k: str(shown[k][name]).zfill(30))
            value = shown[row][name]
            altered = value + 1000.0 if isinstance(value, float) else f"{value}X"
            shown = [*shown[:row], {**shown[row], name: altered}, *shown[row + 1 :]]
        if edits.renamed is not None:
            wanted = edits.renamed if edits.renamed in self.columns else self.needed
            shown = [{_RENAMED_KEY if k == wanted else k: v for k, v in row.items()} for row in shown]
        return idx_json.envelope(shown, total=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer(Answer):
    """A broker table of IndoPremier.

    Attributes:
        key: `BBCA/all/all:2026-03-31`, of a range `BBCA/all/all:2026-03-01..2026-03-31`.
        view: None where the site has none; `refusal` is what it says then, nothing at all for a day without trades.
        before: makes the table of the session before.
    """

    key: str
    view: ipot.TableView | None
    refusal: str
    before: Callable[[], ipot.TableView | None]

    @property
    def unit(self) -> str:
        """What it is about."""
        return self.key

    @property
    def has_result(self) -> bool:
        """Whether a table is shown."""
        return self.view is not None

    def render(self, edits: Edits = NO_EDITS) -> str:
        """Return the module, or what stands in for it."""
        if self.view is None:
            return self.refusal
        renamed = edits.renamed
        if renamed is not None and renamed not in ipot.HEADINGS:
            edits = type(edits)(renamed=ipot.HEADINGS[1])
        return ipot.module(self.view, edits=edits)

    def landing(self) -> str:
        """Return the empty answer of a day without trades."""
        return ""

    def stale(self) -> str:
        """Return the table of the session before, with that session's dates."""
        earlier = self.before()
        return self.render() if earlier is None else ipot.module(earlier)
