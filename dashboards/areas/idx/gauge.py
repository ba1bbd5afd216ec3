"""The detector's gauge as markup: where the pressure of a range stands between Big Dist and Big Acc. No queries."""

from __future__ import annotations

from markupsafe import Markup

from dashboards.areas.idx.measures import READING_TOP, Bounds, Detector, Top
from dashboards.areas.idx.money import signed_rupiah, whole
from dashboards.ui import formats
from dashboards.ui.components import joined

END_PCT = 30.0
"""The scale ends here on either side; the needle of a stronger pressure stands at the end, its number is written out."""

NEAR_END = 25
"""Closer to an end than this, the number beside the needle is set flush with the end. Unit: percent of the width."""

CSS = """
.gauge { position: relative; margin: 30px 0 4px; }
.scale { display: flex; height: 14px; border-radius: 7px; overflow: hidden; gap: 2px; }
.scale i { display: block; background: var(--fin-raised); }
.scale i.d3 { background: color-mix(in srgb, var(--fin-down) 90%, var(--fin-surface)); }
.scale i.d2 { background: color-mix(in srgb, var(--fin-down) 60%, var(--fin-surface)); }
.scale i.d1 { background: color-mix(in srgb, var(--fin-down) 32%, var(--fin-surface)); }
.scale i.u1 { background: color-mix(in srgb, var(--fin-up) 32%, var(--fin-surface)); }
.scale i.u2 { background: color-mix(in srgb, var(--fin-up) 60%, var(--fin-surface)); }
.scale i.u3 { background: color-mix(in srgb, var(--fin-up) 90%, var(--fin-surface)); }
.needle { position: absolute; top: -5px; width: 3px; height: 24px; margin-left: -1.5px; border-radius: 2px;
  background: var(--fin-text); box-shadow: 0 0 0 2px var(--fin-surface); }
.said { position: absolute; top: -27px; transform: translateX(-50%); font-weight: 700; font-size: 13px;
  white-space: nowrap; }
.said.left { transform: none; left: 0 !important; } .said.right { transform: none; left: auto !important; right: 0; }
.ends { display: flex; justify-content: space-between; font-size: 11px; color: var(--fin-muted); margin-top: 3px; }
table.tops { width: 100%; border-collapse: collapse; font-size: 13px; margin-top: 8px; }
table.tops th { text-align: right; font-weight: 500; font-size: 12px; color: var(--fin-muted); padding: 4px 6px; }
table.tops td { text-align: right; padding: 5px 6px; border-top: 1px solid var(--fin-grid);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
table.tops th:first-child, table.tops td:first-child { text-align: left; padding-left: 0; }
table.tops tr.read td { font-weight: 600; }
"""


_SCALE = Markup('<i class="{}" style="flex:{}"></i>')
_NEEDLE = Markup(
    '<div class="said {tone}{side}" data-gauge="{label}" style="left:{place:.1f}%">{words}</div>'
    '<div class="needle" style="left:{place:.1f}%"></div>'
)
_GAUGE = Markup(
    '<div class="gauge" role="img" aria-label="{title}"><div class="scale">{scale}</div>{needle}'
    '<div class="ends"><span>Big Dist</span><span>Neutral</span><span>Big Acc</span></div></div>'
)
_ROW = Markup(
    '<tr class="{read}" data-top="{brokers}"><td>Top {brokers}</td><td>{lots}</td><td>{percent}</td>'
    '<td title="{amount}">{short}</td><td class="{tone}">{label}</td></tr>'
)
_TABLE = Markup(
    '<table class="tops"><thead><tr><th></th><th>Net lot</th><th>of net volume</th><th>Amount</th><th>Acc/Dist</th></tr>'
    "</thead><tbody>{}</tbody></table>"
)


def markup(found: Detector, *, bounds: Bounds) -> Markup:
    """Return the gauge of the top five and the table of all tops."""
    return gauge(found.top(READING_TOP), bounds=bounds) + tops(found)


def gauge(top: Top, *, bounds: Bounds) -> Markup:
    """Return the scale with its needle; without a pressure the scale stands alone."""
    widths = (
        ("d3", END_PCT - bounds.normal),
        ("d2", bounds.normal - bounds.small),
        ("d1", bounds.small - bounds.neutral),
        ("n", 2 * bounds.neutral),
        ("u1", bounds.small - bounds.neutral),
        ("u2", bounds.normal - bounds.small),
        ("u3", END_PCT - bounds.normal),
    )
    scale = joined(_SCALE.format(name, max(width, 0.5)) for name, width in widths)
    title = f"Pressure of the {top.brokers} largest on either side"
    return _GAUGE.format(title=title, scale=scale, needle=_needle(top, bounds))


def _needle(top: Top, bounds: Bounds) -> Markup:
    if top.percent is None:
        return Markup("")
    place = 50 + 50 * max(-1.0, min(1.0, top.percent / END_PCT))
    return _NEEDLE.format(
        tone="up" if top.percent >= bounds.neutral else "down" if top.percent <= -bounds.neutral else "",
        side=" left" if place < NEAR_END else " right" if place > 100 - NEAR_END else "",
        label=top.label,
        place=place,
        words=f"{top.label} {formats.signed_percent(top.percent)}",
    )


def tops(found: Detector) -> Markup:
    """Return pressure, percent, amount and label of every top as a table."""
    return _TABLE.format(joined(_top_row(top) for top in found.tops))


def _top_row(top: Top) -> Markup:
    neutral = top.label in (None, "Neutral")
    return _ROW.format(
        read="read" if top.brokers == READING_TOP else "",
        brokers=top.brokers,
        lots=formats.signed_integer(top.pressure_lots),
        percent=formats.signed_percent(top.percent),
        amount="" if top.amount_idr is None else whole(top.amount_idr),
        short=signed_rupiah(top.amount_idr),
        tone="muted" if neutral else "up" if top.pressure_lots > 0 else "down",
        label=top.label or formats.MISSING,
    )
