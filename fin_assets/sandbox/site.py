"""What a site of the sandbox is: what its folder declares, and what it does once it is open.

A folder `sites/<source>/` declares `SITE`, a `Site`, in its `__init__.py`; nothing else names it. The declaration is read
by every command, so it imports nothing heavy: `open` imports what generates and renders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.options import SiteOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from aiohttp import web

    from fin_assets.sandbox.context import SiteContext
    from fin_assets.sandbox.rendered import Answer

    Handler = Callable[[web.Request], Awaitable[Answer | web.Response]]

OptionsT = TypeVar("OptionsT", bound=SiteOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A path whose answers faults can hit and the request log shows.

    Attributes:
        path: from the server's root, with aiohttp's `{name}` parts.
        answer: gives an `Answer`; or a response, which is the site's own refusal: it is logged and no fault hits it.
        is_form: it takes a POST as well as a GET.
    """

    path: str
    answer: Handler
    is_form: bool = False


class OpenSite(ABC):
    """A site that can answer.

    Attributes:
        columns: names that a `renamed_column` fault may give, of all tables and lists of the site.
    """

    columns: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def pages(self) -> Iterable[Page]:
        """Return the pages: what collectors ask for, and the way there."""

    def plain_routes(self) -> Iterable[web.RouteDef]:
        """Return routes that faults spare and the log leaves out: style, script, redirects, pages for people."""
        return ()

    @abstractmethod
    def facts(self) -> Mapping[str, Any]:
        """Return what is served, as JSON values, for the start page and the control API."""

    @abstractmethod
    def summary(self) -> str:
        """Return what is served, in one line, for the terminal."""

    def links(self) -> Sequence[tuple[str, str]]:
        """Return (path, label) of the pages from which a person starts."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """How a home over a given dataset of a site is laid out; the site's options have a `dataset` then.

    Attributes:
        date_column: the column of the file's dates.
        every_session: the demo collects every session of the file; otherwise the newest, as of generated data.
        source_settings: what `[sources.<source>]` of that home says besides its first and last session.
    """

    date_column: str
    every_session: bool
    source_settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Generic[OptionsT]):
    """One folder of `sites/`: the site or the sites that one source asks.

    Attributes:
        title: for people.
        prefixes: first parts of its paths, one for each real site, each with a leading slash.
        options: what `[sandbox.sites.<source>]` may say.
        open: makes it ready to answer.
        faults: kinds that mean something on it; others neither show nor are used up.
        dataset: how a home over given data is laid out; None for a site that takes none.
    """

    title: str
    prefixes: tuple[str, ...]
    options: type[OptionsT]
    open: Callable[[SiteContext, OptionsT], OpenSite]
    faults: frozenset[FaultKind] = frozenset(FaultKind)
    dataset: Dataset | None = None

    def prefix_of(self, path: str) -> str:
        """Return the prefix under which a path lies, or an empty string."""
        return next((prefix for prefix in self.prefixes if path == prefix or path.startswith(f"{prefix}/")), "")
