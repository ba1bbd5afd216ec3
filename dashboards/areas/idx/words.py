"""What the Indonesian pages share: their source, words about lists, and what they say while there are no data."""

from __future__ import annotations

import panel as pn
import polars as pl
from markupsafe import Markup

from dashboards.areas.idx.money import signed_rupiah
from dashboards.ui.components import empty_state

SOURCE, TABLE = "idx_brokers", "broker_trades"
NOT_OWNER = "A broker is not the owner: who stands behind its orders is not known."

_RAMP = Markup(
    '<div style="display:flex;align-items:center;gap:8px;font-size:12px;margin-bottom:6px" class="muted">'
    '<span>{}</span><span aria-hidden="true" style="flex:0 1 140px;height:8px;border-radius:4px;background:'
    'linear-gradient(90deg,var(--fin-down),var(--fin-raised),var(--fin-up))"></span><span>{}</span></div>'
)
PRESSURE_LEGEND = _RAMP.format("▼ distribution", "accumulation ▲")
NET_LEGEND = _RAMP.format("▼ net sell", "net buy ▲")


def foreign_hint(page_value: float | None = None) -> str:
    """Return how the net foreign value is known, with the site's own figure if there is one."""
    if page_value is None:
        return "estimate at average price"
    return f"estimate; site's F. NVal {signed_rupiah(page_value)}"


def never_ran() -> pn.Column:
    """Return the content while the source has delivered nothing."""
    return empty_state(
        "No session of the Indonesia Stock Exchange has been collected yet",
        [f"A build is published, but {SOURCE} has no complete session in it. Collect some sessions and build:"],
        [f"fin run {SOURCE} --from 2026-10-01", "fin build", f"fin status {SOURCE}"],
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
