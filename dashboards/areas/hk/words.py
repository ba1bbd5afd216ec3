"""What the Hong Kong pages share: their source, and what they say while it has delivered nothing."""

from __future__ import annotations

import panel as pn

from dashboards.ui.components import empty_state

SOURCE, TABLE = "hkex_southbound", "holdings"


def never_ran() -> pn.Column:
    """Return the content while the source has delivered nothing."""
    return empty_state(
        "No southbound list has been collected yet",
        [f"A build is published, but {SOURCE} has no complete session in it. Collect some sessions:"],
        [f"fin run {SOURCE} --from 2026-09-01", f"fin status {SOURCE}"],
        [("See the state of every session", "/data")],
    )
