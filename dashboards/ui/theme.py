"""Colours, fonts and style sheets of the pages, light and dark.

One palette feeds three readers: Material components (`MATERIAL`), own markup through CSS variables (`PAGE_CSS`), and
charts, which cannot read CSS (`Palette`). No layout and no text belong here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from dashboards.ui import STATIC, STATIC_PATH

FONT = (
    "Roboto, 'Helvetica Neue', Arial, 'Noto Sans HK', 'Noto Sans TC', 'Noto Sans CJK HK', 'Noto Sans CJK TC', "
    "'PingFang HK', 'PingFang TC', 'Microsoft JhengHei', 'Noto Sans CJK SC', 'Source Han Sans', "
    "'Noto Sans Thai', 'Fin CJK', 'Fin Thai', sans-serif"
)
"""The Latin face ships with the components. Chinese and Thai are the system's where it has them, else those shipped here."""

_FACE = """@font-face {{ font-family: 'Fin {family}'; font-display: swap; unicode-range: {letters};
  src: url('/{path}?v={version}') format('woff2'); }}
"""


def _face(family: str, file: str, letters: str) -> str:
    version = hashlib.sha256((STATIC / "fonts" / file).read_bytes()).hexdigest()[:16]
    return _FACE.format(family=family, letters=letters, path=f"{STATIC_PATH}/fonts/{file}", version=version)


FONT_CSS = "".join(
    (
        _face("CJK", "cjk-1.woff2", "U+2E80-60FF"),
        _face("CJK", "cjk-2.woff2", "U+6100-78FF"),
        _face("CJK", "cjk-3.woff2", "U+7900-9FFF, U+F900-FAFF, U+FE30-FE4F, U+FF00-FFEF, U+20000-2FFFF"),
        _face("Thai", "thai.woff2", "U+0E00-0E7F"),
    )
)
"""The faces that are shipped; a browser loads one only if a text needs it and the system has no face for it."""

THEME_COOKIE = "fin_theme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one mode.

    Up and down are teal and vermilion, which differ for every kind of colour vision; signs and arrows say it too.
    """

    dark: bool
    background: str
    surface: str
    raised: str
    border: str
    grid: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    second: str
    up: str
    down: str
    neutral: str
    complete: str
    closed: str
    provisional: str
    stale: str
    blocked: str
    incomplete: str
    missing: str
    history: str
    not_due: str
    warning: str
    warning_soft: str


LIGHT = Palette(
    dark=False,
    background="#f4f6f8",
    surface="#ffffff",
    raised="#f0f3f6",
    border="#e0e5ea",
    grid="#edf0f3",
    text="#16202b",
    muted="#5d6b7a",
    accent="#1d5fd1",
    accent_soft="#e8f0fd",
    second="#8a5cd1",
    up="#09705f",
    down="#b23c17",
    neutral="#8592a0",
    complete="#3f9d8b",
    closed="#cfd6dd",
    provisional="#7fb3d9",
    stale="#e0a526",
    blocked="#b3362b",
    incomplete="#d9602f",
    missing="#7a2e4d",
    history="#e9edf1",
    not_due="#f4f6f8",
    warning="#8a5a00",
    warning_soft="#fdf3dc",
)

DARK = Palette(
    dark=True,
    background="#0e1216",
    surface="#161c22",
    raised="#1f272f",
    border="#2a333d",
    grid="#222a33",
    text="#e6ebf0",
    muted="#97a4b2",
    accent="#6ea8ff",
    accent_soft="#1b2c47",
    second="#b79bf0",
    up="#39c0a8",
    down="#ff8259",
    neutral="#71808f",
    complete="#2f8f7e",
    closed="#36414c",
    provisional="#4d86ad",
    stale="#c9962a",
    blocked="#d9534a",
    incomplete="#e0693a",
    missing="#b0567f",
    history="#242c35",
    not_due="#1b2229",
    warning="#f0c469",
    warning_soft="#332913",
)


def palette(*, dark: bool) -> Palette:
    """Return the colours of a mode."""
    return DARK if dark else LIGHT


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(ground: str, ink: str, strength: float) -> str:
    """Return `ground` with so much of `ink` in it (0 to 1); both are written #rrggbb."""
    pairs = zip(_channels(ground), _channels(ink), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * strength):02x}" for a, b in pairs)


_INK = "#05080b"
"""Darker than the pages' text: on middle grounds that text would fall below a contrast of 4.4."""


_LINEAR_BELOW = 10
"""sRGB channels up to here are linear."""


def readable_on(ground: str) -> str:
    """Return the text colour, near black or white, that has the higher contrast on a ground (WCAG 2 luminance)."""
    linear = [
        (value / 255) / 12.92 if value <= _LINEAR_BELOW else ((value / 255 + 0.055) / 1.055) ** 2.4
        for value in _channels(ground)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _INK if (luminance + 0.05) ** 2 > 1.05 * 0.0524 else "#ffffff"


def _material(colours: Palette) -> dict[str, Any]:
    return {
        "palette": {
            "primary": {"main": colours.accent, "contrastText": colours.surface},
            "background": {"default": colours.background, "paper": colours.surface},
            "text": {"primary": colours.text, "secondary": colours.muted},
            "divider": colours.border,
        },
        "typography": {"fontFamily": FONT, "fontSize": 13},
        "shape": {"borderRadius": 8},
        "components": {
            "MuiAppBar": {
                "styleOverrides": {
                    "root": {
                        "backgroundColor": colours.surface,
                        "backgroundImage": "none",
                        "color": colours.text,
                        "boxShadow": "none",
                        "borderBottom": f"1px solid {colours.border}",
                    }
                }
            },
            "MuiToggleButton": {
                "styleOverrides": {
                    "root": {
                        "textTransform": "none",
                        "padding": "3px 12px",
                        "borderColor": colours.border,
                        "color": colours.muted,
                        # Twice: the library's own rules for a chosen button are as specific as one name.
                        "&&.Mui-selected, &&.Mui-selected:hover": {
                            "backgroundColor": colours.accent_soft,
                            "color": colours.accent,
                            "fontWeight": 600,
                        },
                    }
                }
            },
        },
    }


MATERIAL: dict[str, Any] = {"light": _material(LIGHT), "dark": _material(DARK)}


def variables(colours: Palette) -> str:
    """Return the colours of a mode as CSS variables."""
    names = [name for name in Palette.__dataclass_fields__ if name != "dark"]
    return "".join(f"--fin-{name.replace('_', '-')}: {getattr(colours, name)};" for name in names)


DOCUMENT_SX: dict[str, Any] = {"width": "100%", "height": "auto", "minHeight": "100vh", "overflow": "visible"}
"""The library's page is a box of the window's height that scrolls inside; here the document itself scrolls."""

PAGE_CSS = f"""
.mui-light {{ {variables(LIGHT)} color-scheme: light; }}
.mui-dark {{ {variables(DARK)} color-scheme: dark; }}
.main {{ background: var(--fin-background) !important; overflow: visible !important; min-width: 0; }}
.main > div {{ height: auto !important; min-height: 100%; }}
.main-content {{ overflow: visible !important; flex: none !important; }}
.main-content > * {{ flex: none !important; }}
.header .MuiToolbar-root {{ min-height: 54px; padding: 0 16px; }}
.header .MuiLinearProgress-root {{ position: absolute; bottom: 0; height: 2px; }}
@media (min-width: 1500px) {{ .header .MuiToolbar-root {{ padding: 0 calc((100% - 1440px) / 2 + 16px); }} }}
"""

_DOTS = " ".join(
    f".dot.{state} {{ background: var(--fin-{state.replace('_', '-')}); }}"
    for state in (
        "complete",
        "closed",
        "provisional",
        "stale",
        "incomplete",
        "blocked",
        "missing",
        "history",
        "not_due",
    )
)

BASE_CSS = f"""
:host {{ font-family: {FONT}; font-size: 14px; line-height: 1.45; color: var(--fin-text); }}
* {{ box-sizing: border-box; }}
a {{ color: var(--fin-accent); text-decoration: none; }}
a:hover {{ text-decoration: underline; }}
a:focus-visible {{ outline: 2px solid var(--fin-accent); outline-offset: 2px; border-radius: 4px; }}
.num, .value, td.n {{ font-variant-numeric: tabular-nums; }}
.up {{ color: var(--fin-up); }} .down {{ color: var(--fin-down); }} .muted {{ color: var(--fin-muted); }}
h1 {{ font-size: 22px; font-weight: 700; line-height: 1.25; margin: 0; letter-spacing: -0.01em; }}
h2 {{ font-size: 15px; font-weight: 700; margin: 0; }}
h3 {{ font-size: 13px; font-weight: 700; margin: 0; }}
p {{ margin: 0; }}
code {{ font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 12.5px;
  background: var(--fin-raised); border: 1px solid var(--fin-border); border-radius: 4px; padding: 1px 5px; }}
.chips {{ display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }}
.chip {{ display: inline-flex; align-items: center; gap: 6px; font-size: 12px; padding: 2px 9px; border-radius: 99px;
  background: var(--fin-raised); border: 1px solid var(--fin-border); color: var(--fin-muted);
  font-variant-numeric: tabular-nums; white-space: nowrap; max-width: 100%; overflow: hidden;
    text-overflow: ellipsis; }}
.chip.warn {{ background: var(--fin-warning-soft); border-color: var(--fin-warning); color: var(--fin-warning);
  font-weight: 600; }}
.chip b {{ color: var(--fin-text); font-weight: 600; }}
.dot {{ width: 8px; height: 8px; border-radius: 50%; flex: none; background: var(--fin-neutral);
  box-shadow: inset 0 0 0 1px rgb(128 128 128 / 35%); }}
{_DOTS}
.kpis {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(158px, 1fr)); gap: 12px; }}
.kpi {{ background: var(--fin-surface); border: 1px solid var(--fin-border); border-radius: 10px; padding: 8px 12px;
  min-width: 0; display: block; color: inherit; }}
a.kpi:hover {{ border-color: var(--fin-accent); text-decoration: none; }}
.kpi .label {{ font-size: 12px; color: var(--fin-muted); }}
.kpi .value {{ font-size: 20px; font-weight: 700; line-height: 1.3; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }}
.kpi .hint {{ font-size: 12px; color: var(--fin-muted); font-variant-numeric: tabular-nums; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }}
.wrong {{ color: var(--fin-warning); background: var(--fin-warning-soft); border: 1px solid var(--fin-warning);
  border-radius: 8px; padding: 6px 12px; font-size: 13px; margin: 0 0 8px; }}
.events {{ list-style: none; margin: 0; padding: 10px 14px; border: 1px solid var(--fin-border); border-radius: 10px;
  background: var(--fin-surface); }}
.split {{ display: flex; height: 6px; border-radius: 3px; overflow: hidden; gap: 2px; margin: 6px 0 4px; }}
.split i {{ display: block; }}
@media (max-width: 600px) {{ .kpis {{ grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; }}
  .kpi .value {{ font-size: 19px; }} h1 {{ font-size: 19px; }} }}
"""

CARD_CSS = """
.scroll-button { display: none; }
:host { background: var(--fin-surface); border: 1px solid var(--fin-border); border-radius: 10px;
  padding: 14px 16px 12px; min-width: 0; box-sizing: border-box; }
"""

TABLE_CSS = f"""
.tabulator {{ font-family: {FONT} !important; font-size: 13px; border: none !important;
  background: transparent !important;
  font-variant-numeric: tabular-nums; }}
.tabulator .tabulator-header {{ background: transparent !important; border: none !important;
  border-bottom: 1px solid var(--fin-border) !important; color: var(--fin-muted) !important; font-weight: 500; }}
.tabulator .tabulator-header .tabulator-col {{ background: transparent !important; border: none !important;
  color: var(--fin-muted) !important; }}
.tabulator .tabulator-header .tabulator-col .tabulator-col-content {{ padding: 6px 8px !important; }}
.tabulator .tabulator-header .tabulator-col .tabulator-col-title {{ font-weight: 500; font-size: 12px;
  color: var(--fin-muted) !important; }}
.tabulator .tabulator-header .tabulator-col.tabulator-sortable .tabulator-col-title
  {{ padding-right: 10px !important; }}
.tabulator .tabulator-col .tabulator-col-sorter {{ opacity: 0; right: 0 !important; }}
.tabulator .tabulator-col:hover .tabulator-col-sorter,
  .tabulator .tabulator-col[aria-sort=ascending] .tabulator-col-sorter,
.tabulator .tabulator-col[aria-sort=descending] .tabulator-col-sorter {{ opacity: 1; }}
.tabulator, .tabulator .tabulator-tableholder {{ height: auto !important; max-height: none !important; }}
.tabulator .tabulator-tableholder, .tabulator .tabulator-table {{ background: transparent !important;
  color: var(--fin-text) !important; }}
.tabulator .tabulator-row {{ background: transparent !important; border: none !important;
  border-bottom: 1px solid var(--fin-grid) !important; min-height: 28px; color: var(--fin-text) !important; }}
.tabulator .tabulator-row:hover {{ background: var(--fin-raised) !important; }}
.tabulator .tabulator-row .tabulator-cell {{ border: none !important; padding: 4px 8px !important; font-size: 13px;
  height: auto; }}
:host(.unpaged) .tabulator-footer, :host(.empty) .tabulator-footer, :host(.empty) .tabulator-header
  {{ display: none !important; }}
:host(.empty) .tabulator-placeholder {{ width: 100% !important; min-height: 0 !important; }}
.tabulator .tabulator-row .tabulator-cell a {{ color: var(--fin-accent); text-decoration: none; }}
.tabulator .tabulator-row .tabulator-cell a:hover {{ text-decoration: underline; }}
@media (max-width: 600px) {{ .tabulator .tabulator-row .tabulator-cell a {{ display: inline-block; min-width: 24px;
  line-height: 24px; }} }}
.tabulator .up {{ color: var(--fin-up); }} .tabulator .down {{ color: var(--fin-down); }}
.tabulator .muted {{ color: var(--fin-muted); }}
.tabulator .dot {{ display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 7px; }}
.tabulator code {{ font-size: 12px; background: var(--fin-raised); border-radius: 4px; padding: 1px 5px;
  box-decoration-break: clone; overflow-wrap: anywhere; }}
.tabulator .tabulator-footer {{ background: transparent !important; border: none !important;
  color: var(--fin-muted) !important; }}
.tabulator .tabulator-footer .tabulator-page {{ background: transparent !important; color: var(--fin-muted) !important;
  border: 1px solid var(--fin-border) !important; border-radius: 6px; }}
.tabulator .tabulator-footer .tabulator-page.active {{ color: var(--fin-accent) !important;
  border-color: var(--fin-accent) !important; }}
.tabulator .tabulator-placeholder .tabulator-placeholder-contents {{ color: var(--fin-muted) !important;
  font-weight: 400 !important; font-size: 13px !important; white-space: normal; padding: 6px; }}
"""
