"""What a reader sees before the scripts have run: header, title, key figures, and the place of what follows."""

from __future__ import annotations

from markupsafe import Markup

from dashboards.ui.theme import BASE_CSS, DARK, FONT_CSS, LIGHT, variables

NAV_CSS = """
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

FIRST_CSS = (
    FONT_CSS +
    # Nested, so that it ends here: the pages' own parts have it in their shadow trees.
    f"#fin-first {{ {BASE_CSS.replace(':host', '&')} {NAV_CSS} }}"
    f"""
#fin-first {{ position: absolute; inset: 0 0 auto; z-index: 5; min-height: 100vh; background: var(--fin-background); }}
#fin-first.light {{ {variables(LIGHT)} }} #fin-first.dark {{ {variables(DARK)} }}
#fin-first header {{ height: 54px; display: flex; align-items: center; background: var(--fin-surface);
  border-bottom: 1px solid var(--fin-border); padding: 0 max(16px, calc((100% - 1440px) / 2 + 16px)); }}
#fin-first main {{ max-width: 1472px; margin: 0 auto; padding: 62px 16px 16px; }}
#fin-first .kpis {{ margin: 14px 0; }}
#fin-first .place {{ height: 420px; border: 1px solid var(--fin-border); border-radius: 10px; background: var(--fin-surface); }}
#fin-skip {{ position: fixed; left: -999px; top: 8px; z-index: 10000; padding: 8px 14px; border-radius: 8px; background: #fff;
  color: #1d5fd1; font-family: sans-serif; }}
#fin-skip:focus {{ left: 8px; }}
@media (max-width: 600px) {{ #fin-first main {{ padding: 58px 10px 10px; }} }}
@media print {{ #fin-skip {{ display: none; }} }}
"""
)

_FIRST = Markup(
    '<div id="fin-first" class="{mode}"><header>{navigation}</header><main aria-busy="true">{heading}{figures}'
    '<div class="place" aria-hidden="true"></div></main></div>'
)


def first_markup(navigation: Markup, heading: str, figures: Markup, *, dark: bool) -> Markup:
    """Return the first picture of a page; `page.js` takes it away when the page itself is there."""
    return _FIRST.format(
        mode="dark" if dark else "light",
        navigation=navigation,
        heading=Markup(heading),  # noqa: S704 - markup of `_heading_markup`
        # Their marks belong to the page itself.
        figures=Markup(str(figures).replace(" data-kpi=", " data-figure=")),  # noqa: S704 - as above
    )
