"""Columns of the tables about the data."""

from __future__ import annotations

from dashboards.ui.tables import COMMAND, DATE, DECIMAL, INTEGER, STATE, WRAPPED, Column, external

RUNS = external("open ↗")

FRESHNESS = (
    Column(field="source", title="Source", width=126, grow=1),
    Column(field="table_name", title="Table", width=158),
    Column(field="state", title="State", format=STATE, width=98),
    Column(field="newest_green", title="Newest green", format=DATE, width=92),
    Column(field="newest_due", title="Newest due", format=DATE, width=88),
    Column(field="behind", title="Behind", format=INTEGER, width=58),
    Column(field="not_green", title="To mend", format=INTEGER, width=64),
    Column(field="not_due", title="Not due yet", format=INTEGER, width=78),
    Column(field="history", title="History left", format=INTEGER, width=84),
)
PROBLEMS = (
    Column(field="session_date", title="Session", format=DATE, width=86),
    Column(field="source", title="Source", width=126),
    Column(field="table_name", title="Table", width=158),
    Column(field="state", title="State", format=STATE, width=98),
    Column(field="units", title="Units", width=72),
    Column(field="why", title="Why", format=WRAPPED, width=160, grow=4),
    Column(field="mends", title="What to do", format=COMMAND, width=250, grow=3),
)
ATTEMPTS = (
    Column(field="when", title="Last attempt", width=150),
    Column(field="source", title="Source", width=130),
    Column(field="table_name", title="Table", width=158),
    Column(field="session_date", title="Session", format=DATE, width=94),
    Column(field="state", title="State", format=STATE, width=104),
    Column(field="units", title="Units", width=80),
    Column(field="staged_rows", title="Rows", format=INTEGER, width=76),
    Column(field="requests", title="Requests", format=INTEGER, width=84),
    Column(field="size", title="Size", width=84),
    Column(field="elapsed_seconds", title="Seconds", format=DECIMAL, width=82),
    Column(field="attempts", title="Attempts", format=INTEGER, width=82),
    Column(field="runs", title="Runs", format=RUNS, width=78),
)
DICTIONARY = (
    Column(field="column", title="Column", width=160),
    Column(field="type", title="Type", width=90),
    Column(field="description", title="Meaning and unit", format=WRAPPED, width=260, grow=5),
)
