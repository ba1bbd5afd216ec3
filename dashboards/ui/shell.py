"""What surrounds every page: header, title line with origin and quality, search, live notice, footer.

A page gives its content; the shell draws it, tells it when a new build is current and when the colours change. No
page's own content belongs here.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from dashboards.ui import STATIC, STATIC_PATH, components, formats, provenance
from dashboards.ui.area import Area, Content, Heading, Search, Site, search_of
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.components import Html, chip, html, joined
from dashboards.ui.document import Document
from dashboards.ui.theme import DOCUMENT_SX, MATERIAL, PAGE_CSS, THEME_COOKIE, palette

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

_LOGO = Markup(
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

SCRIPTS = [
    f"/{STATIC_PATH}/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]}"
    for name in ("format.js", "charts.js")
]
"""An address changes with its file: browsers may cache it without a limit."""

# The scripts stand before everything that tables and charts run.
_TEMPLATE = """
{% extends "base.html" %}
{% block title %}{{ page_title | default(title) | e }}{% endblock %}
{% block preamble %}{{ super() }}
SCRIPTS
<script>
if (!/(^|; )COOKIE=/.test(document.cookie) && matchMedia("(prefers-color-scheme: dark)").matches) {
  document.cookie = "COOKIE=dark; path=/; max-age=31536000; samesite=strict";
  // Hide the page until the reload, so that the light theme does not flash. Where cookies are blocked it stays light.
  if (/(^|; )COOKIE=/.test(document.cookie)) {
    document.documentElement.style.visibility = "hidden";
    location.reload();
  }
}
</script>
{% endblock %}
""".replace("COOKIE", THEME_COOKIE).replace(
    "SCRIPTS", "\n".join(f'<script src="{address}"></script>' for address in SCRIPTS)
)

_LINK = Markup('<a class="{css}" href="{href}"{current}>{label}</a>')


def _items(items: Sequence[tuple[str, str, str]], *, active: str, css: str = "") -> Markup:
    """Return links of (key, label, address); the active one is marked."""
    return joined(
        _LINK.format(css=css, href=href, label=label, current=Markup(" aria-current=page") if key == active else "")
        for key, label, href in items
    )


def _navigation(areas: Sequence[Area], active: Area | None) -> Html:
    """Return the areas, for the header."""
    items = _items([(one.key, one.label, one.home) for one in areas], active=active.key if active else "", css="item")
    brand = Markup('<a class="brand" href="/" aria-label="Start page">{}<span>Fin Assets</span></a>').format(_LOGO)
    return html(Markup('<nav aria-label="Areas">{}{}</nav>').format(brand, items), css=_NAV_CSS, sizing_mode=None)


def _pages(area: Area | None, *, active: str) -> list[Html]:
    """Return the menu of an area, for the first line of the content; an area of one page has none."""
    if area is None or len(area.menu) == 1:
        return []
    items = _items([(page.path, page.label, page.path) for page in area.menu], active=active)
    return [html(Markup('<nav aria-label="{}">{}</nav>').format(area.label, items), css=_PAGES_CSS)]


def search_box(search: Search, build: CachedBuild) -> pmui.AutocompleteInput:
    """Return a search field; choosing or typing something opens its page."""
    targets = search.targets(build)
    box = pmui.AutocompleteInput(
        options=list(targets),
        placeholder=search.placeholder,
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
            path = targets.get(chosen) or search.other(chosen)
            pn.state.location.param.update(search="", hash="", pathname=path, reload=True)

    box.param.watch(go, "value")
    return box


def mode_chips(build: CachedBuild, area: Area | None) -> tuple[Markup, ...]:
    """Return a label for pages that show generated data, and a warning if a build mixes them with live ones."""
    found = []
    if area is not None and provenance.is_generated(build, area.sources or tuple(provenance.sources(build))):
        found.append(chip(provenance.GENERATED, dot="stale", title="generated by the embedded sandbox, not real"))
    if provenance.is_mixed(build):
        found.append(chip(provenance.MIXED, kind="warn", title="figures of this build must not be compared or summed"))
    return tuple(found)


class Shell:
    """One reader's page."""

    def __init__(
        self,
        cache: BuildCache,
        *,
        site: Site,
        make: Callable[[CachedBuild], Content],
        area: Area | None = None,
        active: str = "",
    ) -> None:
        """Draw the page. `area` None is a page that belongs to none; `active` is the marked path of the area's menu."""
        self._cache, self._make = cache, make
        self._site, self._area = site, area
        self._search = search_of(area, site.areas)
        self._body: Content | None = None
        self._build_id: str | None = None
        self._heading = html("", styles={"flex": "1 1 420px", "min-width": "0"})
        self._notice = pn.Row(
            stylesheets=[_NOTICE_CSS], visible=False, sizing_mode="stretch_width", margin=(0, 0, 12, 0)
        )
        self._content = pn.Column(sizing_mode="stretch_width", margin=0)
        self._searching = pn.Row(margin=0, styles={"flex": "0 1 340px", "min-width": "220px"})
        self.page = self._document(active)
        self._show(first=True)

    def _document(self, active: str) -> Document:
        top = pn.FlexBox(
            self._heading,
            self._searching,
            align_items="flex-start",
            justify_content="space-between",
            gap="10px 20px",
            sizing_mode="stretch_width",
            margin=(0, 0, 14, 0),
        )
        footer = Markup('<footer class="muted" style="font-size:12px">{}</footer>').format(
            self._area.footer if self._area else ""
        )
        main = pn.Column(
            *_pages(self._area, active=active),
            self._notice,
            top,
            self._content,
            html(footer, margin=(18, 0, 8, 0)),
            sizing_mode="stretch_width",
            stylesheets=[_MAIN_CSS],
        )
        page = Document(
            main=[main],
            header=[_navigation(self._site.areas, self._area)],
            main_width=1472,
            title="",
            dark_theme=pn.state.cookies.get(THEME_COOKIE) == "dark",
            theme_config=MATERIAL,
            stylesheets=[PAGE_CSS],
            sx=DOCUMENT_SX,
            template=_TEMPLATE,
            busy_indicator="linear",
        )
        page.jscallback(
            dark_theme=f"document.cookie = '{THEME_COOKIE}=' + (cb_obj.dark_theme ? 'dark' : 'light') + "
            "'; path=/; max-age=31536000; samesite=strict'"
        )
        page.param.watch(lambda event: self._restyle(dark=event.new), "dark_theme")
        return page

    def watch(self) -> None:
        """Look for a new build for as long as the page is open."""
        pn.state.add_periodic_callback(self.poll, period=POLL_MILLISECONDS)

    def poll(self) -> None:
        """Show the current build if it is another one than what is on the page."""
        if self._cache.current_id() != self._build_id:
            self._show(first=False)

    def _restyle(self, *, dark: bool) -> None:
        if self._body is not None:
            self._body.restyle(palette(dark=dark))

    def _show(self, *, first: bool) -> None:
        build = self._cache.build()
        if build is None:
            self._build_id = None
            self._body = None
            self._heading.object = Markup("<h1>No data yet</h1>")
            self._content.objects = [no_build(self._site.areas)]
            return
        self._build_id = build.build_id
        if self._body is None:
            self._body = self._make(build)
            self._body.restyle(palette(dark=self.page.dark_theme))
            self._content.objects = [self._body.view]
        else:
            self._body.refresh(build)
        self._searching.objects = [search_box(self._search, build)] if self._search else []
        heading = self._body.heading()
        self._heading.object = _heading_markup(heading, mode_chips(build, self._area))
        self._title(f"{heading.title} · Fin Assets")
        if not first:
            self._announce(build)

    def _title(self, text: str) -> None:
        document = pn.state.curdoc
        if document is not None:
            # The document's own title is the server's, one for all routes; the page's template takes this one.
            document.template_variables["page_title"] = text

    def _announce(self, build: CachedBuild) -> None:
        close = pmui.IconButton(icon="close", size="small", margin=0, description="Dismiss")
        close.param.watch(self._dismiss, "clicks")
        zone = self._area.zone if self._area else formats.UTC
        text = Markup(
            '<div role="status" data-notice="new-build"><b>New data.</b> Build <span class="num">{}</span> '
            "was published {}; this page now shows it.</div>"
        ).format(build.build_id, formats.instant(build.created_at, zone))
        self._notice.objects = [html(text, align="center"), close]
        self._notice.visible = True

    def _dismiss(self, _event: Any) -> None:
        self._notice.visible = False


def _heading_markup(heading: Heading, modes: tuple[Markup, ...]) -> Markup:
    subtitle = Markup('<p class="muted" style="margin-top:2px">{}</p>').format(heading.subtitle)
    return Markup("<h1>{}</h1>{}{}").format(
        heading.title, subtitle if heading.subtitle else "", components.chips([*heading.chips, *modes])
    )


def no_build(areas: Sequence[Area]) -> pn.Column:
    """Return the content while nothing has been published."""
    runs = [f"fin run {source}" for area in areas for source in area.sources]
    return components.empty_state(
        "Nothing has been published yet",
        ["Pages read the tested marts, and no build of them exists. Collect some sessions and build:"],
        ["make demo", *runs, "fin build"],
    )
