"""What surrounds every page: header, title line with origin and quality, search, live notice, footer.

A page gives its content; the shell draws it, tells it when a new build is current and when the colours change. No
page's own content belongs here.
"""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from dashboards.ui import STATIC, STATIC_PATH, components, formats, provenance
from dashboards.ui.area import Area, Content, Heading, Site
from dashboards.ui.build_cache import BuildCache, CachedBuild
from dashboards.ui.components import Html, chip, html, joined
from dashboards.ui.document import Document
from dashboards.ui.first import FIRST_CSS, NAV_CSS, first_markup
from dashboards.ui.theme import DOCUMENT_SX, MATERIAL, PAGE_CSS, THEME_COOKIE, palette
from dashboards.ui.urlstate import UrlState

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

_SEARCH = Markup('<div role="search"><fin-search></fin-search></div>')
_SEARCH_CSS = """
fin-search { display: block; position: relative; }
input { width: 100%; height: 36px; padding: 0 12px; font: inherit; font-size: 14px; color: var(--fin-text);
  background: var(--fin-surface); border: 1px solid var(--fin-neutral); border-radius: 8px; }
input::placeholder { color: var(--fin-muted); opacity: 1; }
input:focus-visible { outline: 2px solid var(--fin-accent); outline-offset: 0; }
ul { position: absolute; z-index: 20; right: 0; min-width: 100%; width: max-content; max-width: min(92vw, 460px);
  max-height: 420px; overflow: auto; margin: 4px 0 0; padding: 4px; list-style: none; background: var(--fin-surface);
  border: 1px solid var(--fin-border); border-radius: 8px; box-shadow: 0 6px 24px rgb(0 0 0 / 18%); }
li { display: flex; justify-content: space-between; gap: 14px; padding: 6px 10px; border-radius: 6px; cursor: pointer; }
li span { color: var(--fin-muted); font-size: 12px; white-space: nowrap; }
li:hover, li[aria-selected=true] { background: var(--fin-accent-soft); }
li.none { cursor: default; color: var(--fin-muted); background: none; }
@media (max-width: 600px) { ul { right: auto; left: 0; } }
"""

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
    for name in ("format.js", "charts.js", "search.js", "page.js")
]
"""An address changes with its file: browsers may cache it without a limit."""

# The scripts stand before everything that tables and charts run.
_TEMPLATE = (
    """
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
{% block loader_css %}
#loader { display: none; }
#loader.error { position: fixed; inset: auto 16px 16px; z-index: 9999; }
#loader .spinner { display: none; }
#loader-error { color: #b3362b; background: #fff; border: 1px solid; border-radius: 8px; padding: 12px 20px;
  font-family: sans-serif; }
FIRST_CSS
{% endblock %}
{% block js_resources %}
{% for line in (bokeh_js or "").splitlines() if not ("echarts-gl" in line or "bokeh-gl" in line) %}{{ line }}
{% endfor %}
{% endblock %}
{% block loader %}
<a id="fin-skip" href="#content">Skip to the content</a>
{{ first | default("") }}
{{ super() }}
{% endblock %}
""".replace("COOKIE", THEME_COOKIE)
    .replace("SCRIPTS", "\n".join(f'<script src="{address}"></script>' for address in SCRIPTS))
    .replace("FIRST_CSS", FIRST_CSS)
)

_LINK = Markup('<a class="{css}" href="{href}"{current}>{label}</a>')


def _items(items: Sequence[tuple[str, str, str]], *, active: str, css: str = "") -> Markup:
    """Return links of (key, label, address); the active one is marked."""
    return joined(
        _LINK.format(css=css, href=href, label=label, current=Markup(" aria-current=page") if key == active else "")
        for key, label, href in items
    )


def navigation_markup(areas: Sequence[Area], active: Area | None) -> Markup:
    """Return the areas, for the header."""
    items = _items([(one.key, one.label, one.home) for one in areas], active=active.key if active else "", css="item")
    brand = Markup('<a class="brand" href="/" aria-label="Start page">{}<span>Fin Assets</span></a>').format(_LOGO)
    return Markup('<nav aria-label="Areas">{}{}</nav>').format(brand, items)


def _pages(area: Area | None, *, active: str) -> list[Html]:
    """Return the menu of an area, for the first line of the content; an area of one page has none."""
    if area is None or len(area.menu) == 1:
        return []
    items = _items([(page.path, page.label, page.path) for page in area.menu], active=active)
    return [html(Markup('<nav aria-label="{}">{}</nav>').format(area.label, items), css=_PAGES_CSS)]


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
        query: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Draw the page. `area` None is a page that belongs to none; `active` is the marked path of the area's menu."""
        self._cache, self._make = cache, make
        self._site, self._area, self._query = site, area, query
        self._body: Content | None = None
        self._build_id: str | None = None
        self._heading = html("", styles={"flex": "1 1 420px", "min-width": "0"})
        self._notice = pn.Row(
            stylesheets=[_NOTICE_CSS], visible=False, sizing_mode="stretch_width", margin=(0, 0, 12, 0)
        )
        self._remarks = html("", visible=False, margin=(0, 0, 12, 0))
        self._content = pn.Column(sizing_mode="stretch_width", margin=0)
        self.page = self._document(active)
        self._show(first=True)

    def _document(self, active: str) -> Document:
        top = pn.FlexBox(
            self._heading,
            html(_SEARCH, css=_SEARCH_CSS, sizing_mode=None, styles={"flex": "0 1 320px", "min-width": "180px"}),
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
            self._remarks,
            self._content,
            html(footer, margin=(18, 0, 8, 0)),
            sizing_mode="stretch_width",
            stylesheets=[_MAIN_CSS],
        )
        page = Document(
            main=[main],
            header=[html(navigation_markup(self._site.areas, self._area), css=NAV_CSS, sizing_mode=None)],
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
            if self._body.state is not None:
                self._body.state.hold(self._body.tables, self._query)
                self._body.state.bind_location()
                self._remark(self._body.state)
            self._content.objects = [self._body.view]
        else:
            self._body.refresh(build)
        heading = self._body.heading()
        self._heading.object = _heading_markup(heading, mode_chips(build, self._area))
        self._state_document(heading, self._body.figures)
        if not first:
            self._announce(build)

    def _remark(self, state: UrlState) -> None:
        """Say which parts of the address mean nothing on this page."""
        wrong = joined(
            _WRONG.format(f"{name}={self._query.get(name, '')}", why) for name, why in sorted(state.rejected.items())
        )
        self._remarks.object = (
            Markup('<div role="alert" class="wrong" data-remarks>{}</div>').format(wrong) if wrong else ""
        )
        self._remarks.visible = bool(wrong)

    def _state_document(self, heading: Heading, figures: Markup) -> None:
        """Give the page's template its title, its status and what a reader sees before the scripts have run."""
        document = pn.state.curdoc
        if document is not None:
            # The document's own title is the server's, one for all routes; the page's template takes this one.
            document.template_variables["page_title"] = f"{heading.title} · Fin Assets"
            document.template_variables["status"] = heading.status
            document.template_variables["first"] = first_markup(
                navigation_markup(self._site.areas, self._area),
                self._heading.object,
                figures,
                dark=self.page.dark_theme,
            )

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


_WRONG = Markup("<p>Left out of the address: <b>{}</b>; {}.</p>")


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
