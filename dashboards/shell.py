"""What surrounds every page: header, title line with origin and quality, search, live notice, footer.

A page gives a `Body`; the shell draws it, tells it when a new build is current and when the colours change. No page's
own content belongs here.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable
from panel_material_ui.template.base import Page

from dashboards import components, formats
from dashboards.areas import AREAS, DATA, Area, Targets
from dashboards.components import chip, html
from dashboards.store import Snapshot, Store
from dashboards.theme import MATERIAL, PAGE_CSS, THEME_COOKIE, Palette, palette
from dashboards.urlstate import UrlState

log = logging.getLogger(__name__)

POLL_MILLISECONDS = 2_000
"""How often an open page looks at the pointer of the current build: one small file, no query."""

_NAV_CSS = """
nav { display: flex; align-items: center; gap: 2px; white-space: nowrap; }
.brand { display: flex; align-items: center; gap: 9px; font-weight: 700; font-size: 15px; margin-right: 14px;
  color: var(--fin-text); }
.brand:hover { text-decoration: none; }
.brand svg { width: 22px; height: 22px; flex: none; }
nav a.item { color: var(--fin-muted); padding: 6px 11px; border-radius: 7px; font-weight: 500; }
nav a.item:hover { background: var(--fin-raised); text-decoration: none; }
nav a.item[aria-current] { color: var(--fin-accent); background: var(--fin-accent-soft); }
@media (max-width: 600px) { .brand span { display: none; } .brand { margin-right: 4px; } nav a.item {
  padding: 6px 8px; } }
"""

_PAGES_CSS = """
nav { display: flex; flex-wrap: wrap; gap: 2px 4px; margin: -14px 0 12px; border-bottom: 1px solid var(--fin-border); }
nav a { color: var(--fin-muted); padding: 5px 10px 7px; font-weight: 500; border-bottom: 2px solid transparent;
  margin-bottom: -1px; }
nav a:hover { color: var(--fin-text); text-decoration: none; }
nav a[aria-current] { color: var(--fin-accent); border-bottom-color: var(--fin-accent); }
"""

_LOGO = (
    '<svg viewBox="0 0 24 24" aria-hidden="true">'
    '<rect x="2" y="12" width="4.4" height="10" rx="1.2" fill="var(--fin-accent)"/>'
    '<rect x="9.8" y="7" width="4.4" height="15" rx="1.2" fill="var(--fin-up)"/>'
    '<rect x="17.6" y="2" width="4.4" height="20" rx="1.2" fill="var(--fin-second)"/></svg>'
)

_MAIN_CSS = """
:host { padding: 16px; min-width: 0; box-sizing: border-box; }
@media (max-width: 600px) { :host { padding: 12px 10px; } }
"""

_NOTICE_CSS = """
:host { background: var(--fin-accent-soft); border: 1px solid var(--fin-accent); border-radius: 10px; padding: 6px 12px;
  box-sizing: border-box; align-items: center; }
"""

_TEMPLATE = """
{% extends "base.html" %}
{% block title %}{{ page_title | default(title) | e }}{% endblock %}
{% block preamble %}{{ super() }}
<script>
if (!/(^|; )COOKIE=/.test(document.cookie) && matchMedia("(prefers-color-scheme: dark)").matches) {
  document.cookie = "COOKIE=dark; path=/; max-age=31536000; samesite=strict";
  // Where cookies are blocked the page stays light; where it comes again, the light one is not seen first.
  if (/(^|; )COOKIE=/.test(document.cookie)) {
    document.documentElement.style.visibility = "hidden";
    location.reload();
  }
}
</script>
{% endblock %}
""".replace("COOKIE", THEME_COOKIE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The title line of a page: markup that is already escaped, and labels of its origin.

    Attributes:
        title: plain text.
        subtitle: plain text under it.
        chips: markup from `components.chip`.
    """

    title: str
    subtitle: str = ""
    chips: tuple[str, ...] = ()


class Body(Protocol):
    """The content of a page."""

    @property
    def view(self) -> Viewable:
        """What stands below the title line."""
        ...

    def heading(self) -> Heading:
        """Return the title line for what is shown now."""
        ...

    def refresh(self, snapshot: Snapshot) -> None:
        """Show another build, with the reader's choices kept."""
        ...

    def restyle(self, colours: Palette) -> None:
        """Draw what CSS cannot reach in other colours."""
        ...


class BodyWithState(Body, Protocol):
    """The content of a page whose choices stand in the address."""

    @property
    def state(self) -> UrlState:
        """The reader's choices."""
        ...


def _items(items: Sequence[tuple[str, str, str]], *, active: str, css: str = "") -> str:
    return "".join(
        f'<a class="{css}" href="{href}"{" aria-current=page" if key == active else ""}>{escape(label)}</a>'
        for key, label, href in items
    )


def _navigation(area: Area | None) -> pn.pane.HTML:
    """Return the areas, for the header."""
    active = area.key if area else ""
    items = _items([(one.key, one.label, one.home) for one in AREAS], active=active, css="item")
    brand = f'<a class="brand" href="/hk" aria-label="Start page">{_LOGO}<span>Fin Assets</span></a>'
    return html(f'<nav aria-label="Areas">{brand}{items}</nav>', css=_NAV_CSS, sizing_mode=None)


def _pages(area: Area, *, active: str) -> pn.pane.HTML:
    """Return the pages of an area, for the first line of the content."""
    markup = f'<nav aria-label="{escape(area.label)}">{_items(area.pages, active=active)}</nav>'
    return html(markup, css=_PAGES_CSS, visible=bool(area.pages))


def search_box(area: Area, targets: Targets) -> pmui.AutocompleteInput:
    """Return the search field of an area; choosing or typing something opens its page."""
    box = pmui.AutocompleteInput(
        options=list(targets),
        placeholder=area.placeholder,
        search_strategy="includes",
        case_sensitive=False,
        restrict=False,
        min_characters=1,
        size="small",
        margin=0,
        sizing_mode="stretch_width",
        max_width=340,
        min_width=220,
    )

    def go(event: Any) -> None:
        chosen = str(event.new or "").strip()
        if chosen and pn.state.location is not None:
            path = targets.get(chosen) or area.other(chosen)
            pn.state.location.param.update(search="", hash="", pathname=path, reload=True)

    box.param.watch(go, "value")
    return box


def origin_chips(
    snapshot: Snapshot,
    *,
    source: str,
    as_of: str,
    quality: tuple[str, str],
    zone: formats.Zone = formats.HONG_KONG,
) -> tuple[str, ...]:
    """Return the labels that every page carries: as-of date, source, build, quality (state, sentence)."""
    state, sentence = quality
    return (
        chip("As of", strong=as_of, title="the session of the newest row shown"),
        chip("Quality", strong=components.LABELS.get(state, state), dot=state, title=sentence),
        chip("Source", strong=source),
        chip("Build", strong=snapshot.build_id, title=f"published {formats.instant(snapshot.created_at, zone)}"),
    )


class Shell:
    """One reader's page."""

    def __init__(
        self, store: Store, *, make: Callable[[Snapshot], Body], area: Area | None = None, active: str = ""
    ) -> None:
        """Draw the page. `area` None is a page that belongs to none; `active` is the key of the page in its area."""
        self._store = store
        self._make = make
        self._area = area or DATA
        self._body: Body | None = None
        self._build: str | None = None
        self._heading = html("", styles={"flex": "1 1 420px", "min-width": "0"})
        self._notice = pn.Row(
            stylesheets=[_NOTICE_CSS], visible=False, sizing_mode="stretch_width", margin=(0, 0, 12, 0)
        )
        self._content = pn.Column(sizing_mode="stretch_width", margin=0)
        self._searching = pn.Row(margin=0, styles={"flex": "0 1 340px", "min-width": "220px"})
        top = pn.FlexBox(
            self._heading,
            self._searching,
            align_items="flex-start",
            justify_content="space-between",
            gap="10px 20px",
            sizing_mode="stretch_width",
            margin=(0, 0, 14, 0),
        )
        main = pn.Column(
            _pages(self._area, active=active),
            self._notice,
            top,
            self._content,
            html(_footer(self._area), margin=(18, 0, 8, 0)),
            sizing_mode="stretch_width",
            stylesheets=[_MAIN_CSS],
        )
        dark = pn.state.cookies.get(THEME_COOKIE) == "dark"
        self.page = Page(
            main=[main],
            header=[_navigation(area)],
            main_width=1472,
            title="",
            dark_theme=dark,
            theme_config=MATERIAL,
            stylesheets=[PAGE_CSS],
            template=_TEMPLATE,
            busy_indicator="linear",
        )
        self.page.jscallback(
            dark_theme=f"document.cookie = '{THEME_COOKIE}=' + (cb_obj.dark_theme ? 'dark' : 'light') + "
            "'; path=/; max-age=31536000; samesite=strict'"
        )
        self.page.param.watch(lambda event: self._restyle(dark=event.new), "dark_theme")
        self._show(first=True)

    def watch(self) -> None:
        """Look for a new build for as long as the page is open."""
        pn.state.add_periodic_callback(self.poll, period=POLL_MILLISECONDS)

    def poll(self) -> None:
        """Show the current build if it is another one than what is on the page."""
        if self._store.current_id() != self._build:
            self._show(first=False)

    def _restyle(self, *, dark: bool) -> None:
        if self._body is not None:
            self._body.restyle(palette(dark=dark))

    def _show(self, *, first: bool) -> None:
        snapshot = self._store.snapshot()
        if snapshot is None:
            self._build = None
            self._body = None
            self._heading.object = "<h1>No data yet</h1>"
            self._content.objects = [no_build()]
            return
        self._build = snapshot.build_id
        if self._body is None:
            self._body = self._make(snapshot)
            self._body.restyle(palette(dark=self.page.dark_theme))
            self._content.objects = [self._body.view]
        else:
            self._body.refresh(snapshot)
        self._searching.objects = [search_box(self._area, self._area.targets(snapshot))]
        heading = self._body.heading()
        self._heading.object = _heading_markup(heading)
        self._title(f"{heading.title} · Fin Assets")
        if not first:
            self._announce(snapshot)

    def _title(self, text: str) -> None:
        document = pn.state.curdoc
        if document is not None:
            # The document's own title is the server's, one for all routes; the page's template takes this one.
            document.template_variables["page_title"] = text

    def _announce(self, snapshot: Snapshot) -> None:
        close = pmui.IconButton(icon="close", size="small", margin=0, description="Dismiss")
        close.param.watch(self._dismiss, "clicks")
        text = (
            '<div role="status" data-notice="new-build"><b>New data.</b> '
            f'Build <span class="num">{escape(snapshot.build_id)}</span> '
            f"was published {formats.instant(snapshot.created_at)}; this page now shows it.</div>"
        )
        self._notice.objects = [html(text, align="center"), close]
        self._notice.visible = True

    def _dismiss(self, _event: Any) -> None:
        self._notice.visible = False


def _heading_markup(heading: Heading) -> str:
    subtitle = f'<p class="muted" style="margin-top:2px">{escape(heading.subtitle)}</p>' if heading.subtitle else ""
    return f'<h1>{escape(heading.title)}</h1>{subtitle}<div class="chips">{"".join(heading.chips)}</div>'


def _footer(area: Area) -> str:
    return f'<p class="muted" style="font-size:12px">{escape(area.footer)}</p>'


def no_build() -> pn.Column:
    """Return the content while nothing has been published."""
    return components.empty_state(
        "Nothing has been published yet",
        [
            "Pages read the tested marts, and no build of them exists. Collect some sessions and build:",
        ],
        ["make demo", "fin run hkex_southbound", "fin run idx_brokers", "fin build"],
        [("What has been collected so far is on the Data page once a build exists.", "/data")],
    )
