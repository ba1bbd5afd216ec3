"""What pages have in common: the build they show, their labels, their files, and ranges of sessions.

A page that is in an area stands in that area's `pages`; no page stands here.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import panel as pn
from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.ui import formats, provenance
from dashboards.ui.area import Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.components import DateChoice, chip, html, small
from dashboards.ui.session_range import Range, resolve
from dashboards.ui.tables import Table, downloads
from dashboards.ui.theme import Palette
from dashboards.ui.urlstate import UrlState

MIXED_SUFFIX = "-generated-and-live"
"""Behind the name of a file from a build that mixes generated and live data."""


class BasePage:
    """A page or a part of one. A subclass makes its widgets, then calls `refresh`."""

    state: UrlState
    charts: tuple[Chart, ...] = ()

    def __init__(self, build: CachedBuild, visit: Visit, *, state: UrlState | None = None) -> None:
        self.build = build
        self.visit = visit
        self.state = state or UrlState()
        self.state.load(visit.query)
        self.tables: dict[str, Table] = {}
        self._kpis = html("")
        self.view = pn.Column(sizing_mode="stretch_width", margin=0)

    @property
    def figures(self) -> Markup:
        """See `area.Content`."""
        return Markup(self._kpis.object)  # noqa: S704 - markup of `kpi_markup`

    def shown(self) -> Viewable | None:
        """Read the build and return what is shown of it: the content, or why there is none."""
        raise NotImplementedError

    def refresh(self, build: CachedBuild) -> None:
        """See `area.Section`."""
        self.build = build
        content = self.shown()
        self.view.objects = [] if content is None else [content]
        self.view.visible = content is not None

    def restyle(self, colours: Palette) -> None:
        """See `area.Section`."""
        for chart in self.charts:
            chart.restyle(colours)

    def chips(self, session: date, *, as_of: str = "") -> tuple[Markup, ...]:
        """Return the labels of a page: as-of date, quality of a session, source with its build.

        Args:
            session: the newest one that the page could show.
            as_of: instead of that session.
        """
        area = self.visit.area
        labels = [chip("As of", strong=as_of or formats.day(session), title="the session of the newest row shown")]
        if area.quality is not None:
            source, table = area.quality
            state, sentence = provenance.quality(self.build, source=source, table=table, session=session)
            labels.append(chip("Quality", strong=provenance.LABELS.get(state, state), dot=state, title=sentence))
        return (*labels, self.source_chip(provenance.origin(self.build, area.sources)))

    def source_chip(self, source: str) -> Markup:
        """Return the label that names the source, and under the pointer the build."""
        published = formats.instant(self.build.created_at, self.visit.area.zone)
        return chip("Source", strong=source, title=f"build {self.build.build_id}, published {published}")

    def covers(self) -> dict[str, str]:
        """Return what an exported file says of the sessions that it is about."""
        return {}

    def about(self) -> dict[str, str]:
        """Return what an exported file states about itself."""
        area, build = self.visit.area, self.build
        names = area.sources or tuple(provenance.sources(build))
        facts = {**self.covers(), "source": provenance.origin(build, names), "build": build.build_id}
        if provenance.is_generated(build, names):
            facts["data"] = provenance.GENERATED
        if provenance.is_mixed(build):
            facts["warning"] = provenance.MIXED
        facts["published"] = formats.instant(build.created_at, area.zone)
        return facts | ({"note": area.export_note} if area.export_note else {})

    def files(self, name: Callable[[], str], table: Table, more: Callable[[], dict[str, str]] = dict) -> list[Any]:
        """Return the CSV and Excel buttons of a table; `name` and `more` facts are asked at the moment of a click."""
        return downloads(
            lambda: name() + (MIXED_SUFFIX if provenance.is_mixed(self.build) else ""),
            lambda: table.frame,
            lambda: self.about() | more(),
        )


class RangePage(BasePage):
    """A page over the sessions up to a chosen one. Its state has `asof`, and `window` if it sums several sessions."""

    def __init__(self, build: CachedBuild, visit: Visit, *, state: UrlState, asof: str = "As of") -> None:
        super().__init__(build, visit, state=state)
        self.sessions: list[date] = []
        self.range: Range | None = None
        self.asof = DateChoice(state, "asof", label=asof)
        self.note = html("", styles={"flex": "1 1 200px", "min-width": "0"}, sizing_mode=None)

    @property
    def end(self) -> date | None:
        """The last session shown."""
        return self.range.end if self.range else None

    def find_range(self, *, since: date | None = None) -> Range | None:
        """Return the range that the choices mean over `sessions`, and let the reader choose another end."""
        choices: Any = self.state
        self.range = resolve(self.sessions, window=getattr(choices, "window", 1), since=since, asof=choices.asof)
        if self.range is not None:
            self.asof.offer(self.sessions, shown=self.range.end, rest=self.sessions[-1])
            self.note.object = small(range_note(self.range, choices.asof, since=since))
        return self.range

    def covers(self) -> dict[str, str]:
        """See `BasePage`."""
        return {"sessions": self.range.words() if self.range else formats.MISSING}


def range_note(found: Range, asked: date | None, *, since: date | None = None) -> str:
    """Return which sessions are shown, that another day stands for one without a session, and that a range is upside down."""
    text = found.words()
    if asked is not None and asked != found.end:
        text += f"; {formats.day(asked)} has no session"
    return f"{text}; {formats.day(since)} lies after it" if since is not None and since > found.end else text
