"""The Data page: what is complete, what is not and why, how fresh, what it cost, and what every column means."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from datetime import date, datetime
from html import escape
from typing import Any, cast
from urllib.parse import quote

import panel as pn
import panel_material_ui as pmui
import polars as pl

from dashboards import formats, heatmap
from dashboards.components import LABELS, Chart, Kpi, card, chip, html, kpi_markup, stack
from dashboards.pages.idx_quality import IdxQuality
from dashboards.queries import ops
from dashboards.shell import Heading
from dashboards.store import Snapshot
from dashboards.tables import Column, Table, downloads
from dashboards.theme import Palette
from fin_assets.clock import now

NEW_TAB = 'target="_blank" rel="noopener"'
FIRST_MART = "hk__daily_holdings"
SHOWN_SESSIONS = 60
SHOWN_ATTEMPTS = 60
ROW_PIXELS, MAP_MARGIN = 40, 30

_DETAIL_EMPTY = '<p class="muted" style="font-size:12px">Choose a cell to see why a session is in its state.</p>'


class Data:
    """The page's content. `dagster` is the address of the Dagster UI."""

    def __init__(self, snapshot: Snapshot, *, dagster: str) -> None:
        self._dagster = dagster
        self._kpis = html("")
        self._map = Chart(height=180, label="State of every session by source and table")
        self._map.pane.on_event("click", self._choose)
        self._detail = html(_DETAIL_EMPTY, margin=(4, 0, 0, 0))
        self._fresh = Table(_FRESH_COLUMNS, page_size=10, placeholder="No source has ever run: make demo")
        self._problems = Table(_PROBLEM_COLUMNS, page_size=8, placeholder="Every due session is complete or closed")
        self._attempts = Table(_ATTEMPT_COLUMNS, page_size=10, placeholder="Nothing has been collected yet: make demo")
        self._columns = Table(_DICTIONARY_COLUMNS, page_size=25)
        self._about_mart = html("", margin=(0, 0, 6, 0))
        self._mart = pmui.Select(label="Mart", options=[], size="small", margin=0, width=260, sizing_mode=None)
        self._mart.param.watch(lambda _event: self._show_mart(), "value")
        self._idx = IdxQuality()
        self.view = self._layout()
        self.refresh(snapshot)

    def heading(self) -> Heading:
        """See `shell.Body`."""
        frame = self._fresh.frame
        newest = frame["newest_green"].max() if frame.height else None
        chips = (
            chip(
                "As of",
                strong=formats.day(cast("date", newest)) if newest else "no session",
                title="newest session that is complete or closed",
            ),
            chip(
                "Quality",
                strong=f"{self._bad} sessions to mend" if self._bad else "all due sessions complete",
                dot="incomplete" if self._bad else "complete",
            ),
            chip("Source", strong=", ".join(sorted(set(frame["source"]))) or "none has run"),
            chip(
                "Build", strong=self._snapshot.build_id, title=f"published {formats.instant(self._snapshot.created_at)}"
            ),
        )
        return Heading(
            title="Data",
            subtitle="Completeness, freshness and cost of every source, and the dictionary of the marts",
            chips=chips,
        )

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`."""
        self._snapshot = snapshot
        self._cells = ops.partitions(snapshot, last_sessions=SHOWN_SESSIONS)
        fresh, problems = ops.freshness(snapshot), ops.problems(snapshot)
        self._bad = problems.height
        marts = ops.marts(snapshot)
        self._kpis.object = kpi_markup(data_kpis(fresh, problems, marts, snapshot))
        self._fresh.show(fresh.with_columns(state=freshness_state()))
        self._problems.show(problems.with_columns(units=units()))
        self._attempts.show(ops.attempts(snapshot, limit=SHOWN_ATTEMPTS).with_columns(*self._attempt_columns()))
        tables = self._cells.select("source", "table_name").n_unique()
        self._map.pane.height = max(1, tables) * ROW_PIXELS + MAP_MARGIN
        self._map.draw(heatmap.option(self._cells))
        self._detail.object = _DETAIL_EMPTY
        self._idx.refresh(snapshot)
        chosen = self._mart.value
        self._mart.options = marts["mart"].to_list()
        known = [name for name in (chosen, FIRST_MART, *self._mart.options) if name in self._mart.options]
        self._mart.value = known[0] if known else None
        self._show_mart()

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`."""
        self._map.restyle(colours)

    def detail(self, source: str, table: str, session: str) -> str:
        """Return markup that says everything known of one session of one table, with a way to its runs."""
        rows = self._cells.filter(
            (pl.col("source") == source)
            & (pl.col("table_name") == table)
            & (pl.col("session_date").cast(pl.String) == session)
        )
        if not rows.height:
            return f'<p class="muted">{escape(table)} has no session {escape(session)}.</p>'
        row = rows.row(0, named=True)
        parts = [
            chip(f"{source}/{table}", strong=session),
            chip("State", strong=LABELS.get(row["state"], row["state"]), dot=row["state"]),
        ]
        if row["units_expected"] is not None:
            parts.append(chip("Units", strong=f"{row['units_done']} of {row['units_expected']}"))
        if row["staged_rows"] is not None:
            parts.append(chip("Rows", strong=formats.integer(row["staged_rows"])))
        if row["quarantined_rows"]:
            parts.append(chip("Quarantined", strong=formats.integer(row["quarantined_rows"])))
        parts.append(chip("Attempts", strong=str(row["attempts"] or 0)))
        parts.append(chip("Last attempt", strong=formats.instant(row["last_attempt_at"])))
        if row["day_state"] not in (None, "open"):
            parts.append(chip("Calendar", strong=row["day_state"].replace("_", " ")))
        why = f'<p style="margin-top:8px">{escape(row["why"])}</p>' if row["why"] else ""
        mends = f'<p style="margin-top:8px">To mend it: <code>{escape(row["mends"])}</code></p>' if row["mends"] else ""
        link = escape(partition_link(self._dagster, source=source, table=table, session=session))
        runs = f'<p style="margin-top:8px"><a href="{link}" {NEW_TAB}>Its runs in the Dagster UI ↗</a></p>'
        return f'<div data-detail="{escape(session)}"><div class="chips">{"".join(parts)}</div>{why}{mends}{runs}</div>'

    def _choose(self, event: Any) -> None:
        # The cell's position is the browser's; the names are looked up here, so that nothing from outside reaches the
        # markup.
        column, row, *_ = (
            event.data["value"] if isinstance(event.data.get("value"), list) else event.data["data"]["value"]
        )
        days, tables = heatmap.axes(self._cells)
        source, table = tables[int(row)].split("/", 1)
        self._detail.object = self.detail(source, table, days[int(column)])

    def _show_mart(self) -> None:
        if self._mart.value is None:
            return
        mart = ops.marts(self._snapshot).filter(pl.col("mart") == self._mart.value).row(0, named=True)
        counted = "a view over files" if mart["rows"] is None else f"{formats.integer(mart['rows'])} rows"
        rows = f'<span class="muted num">{counted}, {mart["columns"]} columns.</span>'
        self._about_mart.object = f"<p>{escape(mart['description'] or '')} {rows}</p>"
        self._columns.show(ops.columns(self._snapshot, mart=self._mart.value))

    def _attempt_columns(self) -> list[pl.Expr]:
        base = f"{self._dagster}/assets/raw/"
        return [
            units().alias("units"),
            pl.col("last_attempt_at").map_elements(formats.instant, return_dtype=pl.String).alias("when"),
            pl.col("body_bytes").map_elements(formats.size, return_dtype=pl.String).alias("size"),
            pl.concat_str(
                [
                    pl.lit(base),
                    "source",
                    pl.lit("/"),
                    "table_name",
                    pl.lit("?view=partitions&partition="),
                    pl.col("session_date").cast(pl.String),
                ]
            ).alias("runs"),
        ]

    def _layout(self) -> pn.Column:
        def files(name: str, table: Table) -> list[Any]:
            return downloads(
                lambda: f"{name}-{self._snapshot.build_id}",
                lambda: table.frame,
                lambda: {"build": self._snapshot.build_id},
            )

        runs = escape(f"{self._dagster}/runs")
        states = card(
            "Sessions by source and table",
            self._map.pane,
            html(heatmap.legend()),
            self._detail,
            note=f"The newest {SHOWN_SESSIONS} sessions, as this build saw them; only complete and closed are green",
        )
        problems = card(
            "To mend",
            self._problems.pane,
            note="Due sessions that are neither complete nor closed, with the command that mends them",
            footer=files("to-mend", self._problems),
        )
        attempts = card(
            "Collected last",
            self._attempts.pane,
            note=f'What each session cost. <a href="{runs}" {NEW_TAB}>All runs in the Dagster UI ↗</a>',
            footer=files("collected", self._attempts),
        )
        fresh = card(
            "Freshness",
            self._fresh.pane,
            note="By the exchange's own sessions, not by days",
            footer=files("freshness", self._fresh),
        )
        dictionary = card(
            "Dictionary of the marts",
            self._about_mart,
            self._columns.pane,
            note="Also in every SQL prompt: fin sql",
            controls=[self._mart],
            footer=files("dictionary", self._columns),
        )
        return stack(self._kpis, states, problems, self._idx.view, fresh, attempts, dictionary)


def partition_link(dagster: str, *, source: str, table: str, session: str) -> str:
    """Return the address of a partition in the Dagster UI, which lists its runs."""
    return f"{dagster}/assets/raw/{quote(source)}/{quote(table)}?view=partitions&partition={quote(session)}"


def freshness_state() -> pl.Expr:
    """Return `complete` if a table has all it should have by now, `stale` if newer sessions are due.

    `incomplete` means that only older ones are not green.
    """
    return (
        pl.when(pl.col("behind") > 0)
        .then(pl.lit("stale"))
        .when(pl.col("not_green") > 0)
        .then(pl.lit("incomplete"))
        .otherwise(pl.lit("complete"))
    )


def units() -> pl.Expr:
    """Return `48 of 50`."""
    return pl.format("{} of {}", pl.col("units_done"), pl.col("units_expected"))


def data_kpis(fresh: pl.DataFrame, problems: pl.DataFrame, marts: pl.DataFrame, snapshot: Snapshot) -> list[Kpi]:
    """Return the tiles of the Data page."""
    sessions, bad = int(fresh["sessions"].sum() or 0), problems.height
    older = int(fresh["history"].sum() or 0)
    history = f"{fresh.height} table{'s' if fresh.height != 1 else ''}" + (
        f", {older:,} older not collected" if older else ""
    )
    behind = int(fresh["behind"].sum() or 0)
    share = formats.percent(100 * (sessions - bad) / sessions, 1) if sessions else formats.MISSING
    last = cast("datetime | None", fresh["last_attempt_at"].max())
    return [
        Kpi(key="sessions", label="Sessions due", value=formats.integer(sessions), hint=history),
        Kpi(
            key="green",
            label="Complete or closed",
            value=share,
            hint=f"{sessions - bad:,} of {sessions:,}",
            bar=((sessions - bad, "--fin-complete"), (bad, "--fin-incomplete")),
        ),
        Kpi(key="bad", label="To mend", value=formats.integer(bad), hint="nothing to do" if not bad else "see below"),
        Kpi(key="behind", label="Behind", value=formats.integer(behind), hint="sessions after the newest green one"),
        Kpi(key="last", label="Last attempt", value=formats.ago(last, now()), hint=formats.instant(last)),
        Kpi(
            key="build",
            label="Published",
            value=formats.ago(snapshot.created_at, now()),
            hint=f"{marts.height} marts, {formats.integer(int(marts['rows'].sum()))} rows",
        ),
    ]


_FRESH_COLUMNS = (
    Column(field="source", title="Source", width=126, grow=1),
    Column(field="table_name", title="Table", width=90),
    Column(field="state", title="State", kind="state", width=98),
    Column(field="newest_green", title="Newest green", kind="date", width=92),
    Column(field="newest_due", title="Newest due", kind="date", width=88),
    Column(field="behind", title="Behind", kind="integer", width=58),
    Column(field="not_green", title="To mend", kind="integer", width=64),
    Column(field="history", title="History left", kind="integer", width=84),
)
_PROBLEM_COLUMNS = (
    Column(field="session_date", title="Session", kind="date", width=86),
    Column(field="source", title="Source", width=126),
    Column(field="table_name", title="Table", width=90),
    Column(field="state", title="State", kind="state", width=98),
    Column(field="units", title="Units", width=72),
    Column(field="why", title="Why", kind="wrapped", width=160, grow=4),
    Column(field="mends", title="Command", kind="command", width=330, grow=2),
)
_ATTEMPT_COLUMNS = (
    Column(field="when", title="Last attempt", width=150),
    Column(field="source", title="Source", width=130),
    Column(field="table_name", title="Table", width=158),
    Column(field="session_date", title="Session", kind="date", width=94),
    Column(field="state", title="State", kind="state", width=104),
    Column(field="units", title="Units", width=80),
    Column(field="staged_rows", title="Rows", kind="integer", width=76),
    Column(field="requests", title="Requests", kind="integer", width=84),
    Column(field="size", title="Size", width=84),
    Column(field="elapsed_seconds", title="Seconds", kind="number", width=82),
    Column(field="attempts", title="Attempts", kind="integer", width=82),
    Column(field="runs", title="Runs", kind="link", width=78),
)
_DICTIONARY_COLUMNS = (
    Column(field="column", title="Column", width=160),
    Column(field="type", title="Type", width=90),
    Column(field="description", title="Meaning and unit", kind="wrapped", width=260, grow=5),
)
