"""One answer of a site, decided and ready to be rendered: what every site's answers can do, whatever a fault wants.

Made by a site with everything that the page needs; rendered by the server, once a fault had its say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from fin_assets.sandbox.pages import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY_COLUMN: Final = ""
"""A fault renames a column and names none: the site takes one that readers need."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What a fault changes in a result: the second half of the rows gone, one column renamed, one row's lots wrong.

    Attributes:
        renamed: the column; a site that has none of this name renames one that readers need.
    """

    half: bool = False
    renamed: str | None = None
    wrong_lots: bool = False


NO_EDITS: Final = Edits()


class Answer(ABC):
    """What every answer of every site can do.

    Attributes:
        content_type: what the undisturbed answer is.
    """

    __slots__ = ()
    content_type: ClassVar[str] = "text/html"

    @property
    @abstractmethod
    def unit(self) -> str:
        """What it is about, as faults and the request log name it."""

    @property
    def is_unit(self) -> bool:
        """Whether it is a unit of data, not a plain page on the way there."""
        return True

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
        """Return what stands in for a result: the landing page, or the answer of a day without data."""

    def stale(self) -> str:
        """Return the page of the day before; the same as `render` if there is none."""
        return self.render()

    def form_refused(self) -> str:
        """Return the error page for a posted form that is not accepted."""
        return plain.status_page("Server Error", "The posted form was not accepted.")
