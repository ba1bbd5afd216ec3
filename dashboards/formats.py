"""Numbers and dates as people read them, in Python and as the JavaScript that charts need.

Only text is made here; colours and markup belong in `theme` and `components`. A missing value is an en dash everywhere.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

MISSING = "–"
MINUS = "\u2212"
HONG_KONG, JAKARTA = (ZoneInfo("Asia/Hong_Kong"), "HKT"), (ZoneInfo("Asia/Jakarta"), "WIB")
Zone = tuple[ZoneInfo, str]
"""A time zone, and what it is called behind a time."""

Scales = tuple[tuple[float, str], ...]
_SCALES: Scales = ((1e12, " tn"), (1e9, " bn"), (1e6, " m"), (1e3, " k"))
_RUPIAH: Scales = ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " K"))


def integer(value: float | None) -> str:
    """Return 1234567 as `1,234,567`."""
    return MISSING if value is None else f"{value:,.0f}".replace("-", MINUS)


def compact(value: float | None) -> str:
    """Return 1234567 as `1.23 m`: three significant figures with k, m, bn or tn."""
    return _scaled(value, _SCALES)


def rupiah(value: float | None) -> str:
    """Return 254400000000 as `254 B`: three significant figures with the letters of the Jakarta market, K to T."""
    return _scaled(value, _RUPIAH)


def signed_rupiah(value: float | None) -> str:
    """Return 254400000000 as `+254 B`; zero has no sign."""
    text = rupiah(value)
    return f"+{text}" if value is not None and value > 0 else text


def _scaled(value: float | None, scales: Scales) -> str:
    if value is None:
        return MISSING
    size = abs(value)
    for scale, suffix in scales:
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
    """Return 1.5 as `+1.50 %`; what rounds to zero has no sign."""
    if value is None:
        return MISSING
    rounded = round(value, digits)
    return f"{rounded:+,.{digits}f} %".replace("-", MINUS) if rounded else f"{0:.{digits}f} %"


def day(value: date | None) -> str:
    """Return a session date as `Fri 20 Nov 2026`."""
    return MISSING if value is None else value.strftime("%a %-d %b %Y")


def instant(value: datetime | None, zone: Zone = HONG_KONG) -> str:
    """Return an aware instant as `2026-11-20 21:05 HKT`."""
    return MISSING if value is None else f"{value.astimezone(zone[0]):%Y-%m-%d %H:%M} {zone[1]}"


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


def _js_scaled(scales: Scales, *, fixed: bool = False) -> str:
    """Return a formatter of three figures. `fixed` keeps zeros at the end, so that a column of numbers lines up."""
    steps = ",".join(f"[{scale:.0e},'{suffix}']" for scale, suffix in scales)
    digits = "Math.max(0,Math.min(2,2-Math.floor(Math.log10(Math.abs(x)))))"
    figures = (
        f"(x)=>{{const d={digits};return x.toLocaleString('en',{{minimumFractionDigits:d,maximumFractionDigits:d}})}}"
        if fixed
        else "(x)=>(+x.toPrecision(3)).toLocaleString('en')"
    )
    return (
        f"(v)=>{{if(v==null||v==='')return '–';const a=Math.abs(v),f={figures};"
        f"const s=[{steps}].find(x=>a>=x[0]*0.9995);"
        "const t=s?f(v/s[0])+s[1]:(+v.toPrecision(3)).toLocaleString('en');"
        "return t.replace('-','\u2212')}"
    )


JS_COMPACT = _js_scaled(_SCALES)
JS_RUPIAH = _js_scaled(_RUPIAH)
JS_RUPIAH_FIXED = _js_scaled(_RUPIAH, fixed=True)
JS_INTEGER = "(v)=>v==null||v===''?'–':Math.round(v).toLocaleString('en').replace('-','\u2212')"
JS_PERCENT = "(v)=>v==null||v===''?'–':v.toLocaleString('en',{maximumFractionDigits:2}).replace('-','\u2212')+' %'"
JS_POINTS = "(v)=>v==null||v===''?'–':(v>0?'+':'')+(+v.toPrecision(3)).toLocaleString('en').replace('-','\u2212')+' pp'"
JS_SIGNED_COMPACT = f"(v)=>(v>0?'+':'')+({JS_COMPACT})(v)"
JS_SIGNED_RUPIAH = f"(v)=>(v>0?'+':'')+({JS_RUPIAH})(v)"
JS_SIGNED_INTEGER = f"(v)=>(v>0?'+':'')+({JS_INTEGER})(v)"
JS_SIGNED_PERCENT = f"(v)=>(v>0?'+':'')+({JS_PERCENT})(v)"


# Labels beside bars stand below one another: the same number of decimals, so that digits line up.
def _js_fixed(digits: int, unit: str) -> str:
    places = f"{{minimumFractionDigits:{digits},maximumFractionDigits:{digits}}}"
    return f"(v)=>(v>0?'+':'')+v.toLocaleString('en',{places}).replace('-','\u2212')+' {unit}'"


JS_POINTS_FIXED = _js_fixed(2, "pp")
JS_SIGNED_PERCENT_FIXED = _js_fixed(1, "%")
