"""What the Indonesian pages share: words about ranges and lists, states without data, what files say of themselves."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from datetime import date

import panel as pn
import polars as pl

from dashboards import formats
from dashboards.components import empty_state
from dashboards.ranges import Range
from dashboards.store import Snapshot

SOURCE, TABLE = "idx_brokers", "broker_trades"
SMALL = '<p class="muted" style="font-size:12px">{}</p>'
NOT_OWNER = "A broker is not the owner: who stands behind its orders is not known."

_RAMP = (
    '<div style="display:flex;align-items:center;gap:8px;font-size:12px;margin-bottom:6px" class="muted">'
    '<span>{}</span><span aria-hidden="true" style="flex:0 1 140px;height:8px;border-radius:4px;background:'
    'linear-gradient(90deg,var(--fin-down),var(--fin-raised),var(--fin-up))"></span><span>{}</span></div>'
)
PRESSURE_LEGEND = _RAMP.format("▼ distribution", "accumulation ▲")
NET_LEGEND = _RAMP.format("▼ net sell", "net buy ▲")


def range_note(found: Range, asked: date | None) -> str:
    """Return which sessions are shown, and that another day stands for one without a session."""
    text = found.words()
    return f"{text}; {formats.day(asked)} has no session" if asked is not None and asked != found.end else text


def foreign_hint(page_value: float | None = None) -> str:
    """Return how the net foreign value is known, with the site's own figure if there is one."""
    if page_value is None:
        return "estimate at average price"
    return f"estimate; site's F. NVal {formats.signed_rupiah(page_value)}"


def about(snapshot: Snapshot, origin: str, found: Range | None) -> dict[str, str]:
    """Return what an exported file states about itself."""
    return {
        "sessions": found.words() if found else formats.MISSING,
        "source": origin,
        "build": snapshot.build_id,
        "published": formats.instant(snapshot.created_at, formats.JAKARTA),
        "note": "1 lot is 100 shares; a broker is not the owner; ranges are summed first and divided last.",
    }


def never_ran() -> pn.Column:
    """Return the content while the source has delivered nothing."""
    return empty_state(
        "No session of the Indonesia Stock Exchange has been collected yet",
        ["A build is published, but idx_brokers has no complete session in it. Collect some sessions and build:"],
        ["fin run idx_brokers --from 2026-10-01", "fin build", "fin status idx_brokers"],
        [("See the state of every session", "/data")],
    )


def coverage_pct(lists: pl.DataFrame) -> float | None:
    """Return the coverage of the lists over all rows, each weighing as much as the exchange's lots.

    `lists` has coverage_pct and exchange_lots; None without any exchange lots.
    """
    if not lists.height:
        return None
    covered = lists.drop_nulls(["coverage_pct", "exchange_lots"])
    exchange = float(covered["exchange_lots"].sum())
    return float((covered["coverage_pct"] * covered["exchange_lots"]).sum()) / exchange if exchange else None
