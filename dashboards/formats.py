"""Numbers and dates as people read them, in Python and as the JavaScript that charts need.

Only text is made here; colours and markup belong in `theme` and `components`. A missing value is an en dash everywhere.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

MISSING = "–"
MINUS = "\u2212"
DISPLAY_ZONE = ZoneInfo("Asia/Hong_Kong")

_SCALES = ((1e12, " tn"), (1e9, " bn"), (1e6, " m"), (1e3, " k"))


def integer(value: float | None) -> str:
    """Return 1234567 as `1,234,567`."""
    return MISSING if value is None else f"{value:,.0f}".replace("-", MINUS)


def compact(value: float | None) -> str:
    """Return 1234567 as `1.23 m`: three significant figures with k, m, bn or tn."""
    if value is None:
        return MISSING
    size = abs(value)
    for scale, suffix in _SCALES:
        if size >= scale * 0.9995:
            scaled = value / scale
            digits = max(0, 2 - (len(str(int(abs(scaled)))) - 1))
            return f"{scaled:,.{digits}f}{suffix}".replace("-", MINUS)
    return integer(value)


def percent(value: float | None, digits: int = 2) -> str:
    """Return a percentage that is already in percent: 12.345 as `12.35 %`."""
    return MISSING if value is None else f"{value:,.{digits}f} %".replace("-", MINUS)


def points(value: float | None, digits: int = 2) -> str:
    """Return percentage points with their sign: 0.12 as `+0.12 pp`; what rounds to zero has none."""
    if value is None:
        return MISSING
    rounded = round(value, digits)
    return f"{rounded:+,.{digits}f} pp".replace("-", MINUS) if rounded else f"{0:.{digits}f} pp"


def signed_integer(value: float | None) -> str:
    """Return 1234 as `+1,234`; zero has no sign."""
    if value is None:
        return MISSING
    return integer(value) if value == 0 else f"{value:+,.0f}".replace("-", MINUS)


def signed_compact(value: float | None) -> str:
    """Return 1234567 as `+1.23 m`; zero has no sign."""
    text = compact(value)
    return f"+{text}" if value is not None and value > 0 else text


def signed_percent(value: float | None, digits: int = 2) -> str:
    """Return 1.5 as `+1.50 %`."""
    return MISSING if value is None else f"{value:+,.{digits}f} %".replace("-", MINUS)


def day(value: date | None) -> str:
    """Return a session date as `Fri 20 Nov 2026`."""
    return MISSING if value is None else value.strftime("%a %-d %b %Y")


def instant(value: datetime | None) -> str:
    """Return an aware instant in Hong Kong time as `2026-11-20 21:05 HKT`."""
    return MISSING if value is None else value.astimezone(DISPLAY_ZONE).strftime("%Y-%m-%d %H:%M HKT")


def ago(then: datetime | None, now: datetime) -> str:
    """Return the distance from `then` to `now` in the largest whole unit: `3 hours ago`."""
    if then is None:
        return MISSING
    seconds = max(0, int((now - then).total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def shortened(text: str, letters: int) -> str:
    """Return `text` cut to the width of so many Latin letters, with an ellipsis; a Chinese character counts as two."""
    width = 0
    for position, letter in enumerate(text):
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width > letters:
            return text[: max(position - 1, 1)].rstrip() + "…"
    return text


def size(value: float | None) -> str:
    """Return a number of bytes as `1.2 MiB`."""
    if value is None:
        return MISSING
    for scale, suffix in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= scale:
            return f"{value / scale:.1f} {suffix}"
    return f"{value:.0f} B"


_MARK = "--x_x--0_0--"


def javascript(expression: str) -> str:
    """Mark a JavaScript expression so that the ECharts pane evaluates it in the browser."""
    return f"{_MARK}{expression}{_MARK}"


JS_COMPACT = (
    "(v)=>{if(v==null||v==='')return '–';const a=Math.abs(v);"
    "const s=[[1e12,' tn'],[1e9,' bn'],[1e6,' m'],[1e3,' k']].find(x=>a>=x[0]*0.9995);"
    "const t=s?(+(v/s[0]).toPrecision(3)).toLocaleString('en')+s[1]:(+v.toPrecision(3)).toLocaleString('en');"
    "return t.replace('-','\u2212')}"
)
JS_INTEGER = "(v)=>v==null||v===''?'–':Math.round(v).toLocaleString('en').replace('-','\u2212')"
JS_PERCENT = "(v)=>v==null||v===''?'–':v.toLocaleString('en',{maximumFractionDigits:2}).replace('-','\u2212')+' %'"
JS_POINTS = "(v)=>v==null||v===''?'–':(v>0?'+':'')+(+v.toPrecision(3)).toLocaleString('en').replace('-','\u2212')+' pp'"
JS_SIGNED_COMPACT = f"(v)=>(v>0?'+':'')+({JS_COMPACT})(v)"
JS_SIGNED_PERCENT = f"(v)=>(v>0?'+':'')+({JS_PERCENT})(v)"


# Labels beside bars stand below one another: the same number of decimals, so that digits line up.
def _js_fixed(digits: int, unit: str) -> str:
    places = f"{{minimumFractionDigits:{digits},maximumFractionDigits:{digits}}}"
    return f"(v)=>(v>0?'+':'')+v.toLocaleString('en',{places}).replace('-','\u2212')+' {unit}'"


JS_POINTS_FIXED = _js_fixed(2, "pp")
JS_SIGNED_PERCENT_FIXED = _js_fixed(1, "%")
