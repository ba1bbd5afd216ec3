"""The Data page: what is complete, what is not and why, how fresh, what it cost, and what every column means."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast
from urllib.parse import quote

import panel as pn
import panel_material_ui as pmui
import polars as pl
from markupsafe import Markup

from dashboards.areas.data import charts, columns, queries
from dashboards.ui import formats, provenance
from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.charts import Chart
from dashboards.ui.components import Kpi, card, chip, chips, html, kpi_markup, small, stack, with_commands
from dashboards.ui.page import BasePage
from dashboards.ui.provenance import LABELS
from dashboards.ui.tables import Table
from dashboards.ui.theme import Palette
from fin_assets.clock import now

_NEW_TAB = Markup('<a href="{}" target="_blank" rel="noopener">{} ↗</a>')
_LINE = Markup('<p style="margin-top:8px">{}{}</p>')
SHOWN_SESSIONS = 60
SHOWN_ATTEMPTS = 60
ROW_PIXELS, MAP_MARGIN = 40, 30

_DETAIL_EMPTY = small("Choose a cell to see why a session is in its state.")


class Data(BasePage):
    """The page's content. Areas contribute the parts that are about their own lists."""

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit)
        self._map = Chart(height=180, label="State of every session by source and table")
        self._map.pane.on_event("click", self._choose)
        self._detail = html(_DETAIL_EMPTY, margin=(4, 0, 0, 0))
        self._fresh = Table(columns.FRESHNESS, page_size=10, placeholder="No source has ever run: make demo")
        self._problems = Table(columns.PROBLEMS, page_size=8, placeholder="Every due session is complete or closed")
        self._attempts = Table(columns.ATTEMPTS, page_size=10, placeholder="Nothing has been collected yet: make demo")
        self._columns = Table(columns.DICTIONARY, page_size=25)
        self._about_mart = html("", margin=(0, 0, 6, 0))
        self._mart = pmui.Select(label="Mart", options=[], size="small", margin=0, width=260, sizing_mode=None)
        self._mart.param.watch(lambda _event: self._show_mart(), "value")
        self._sections = [
            section(build, Visit(area=area, site=visit.site)) for area in visit.site.areas for section in area.sections
        ]
        self.charts = (self._map,)
        self.tables = {
            "": self._problems,
            "fresh": self._fresh,
            "collected": self._attempts,
            "dictionary": self._columns,
        }
        self._content = self._layout()
        self.refresh(build)

    def heading(self) -> Heading:
        """See `area.Content`."""
        frame = self._fresh.frame
        newest = frame["newest_green"].max() if frame.height else None
        labels = (
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
            self.source_chip(", ".join(sorted(set(frame["source"]))) or "none has run"),
        )
        return Heading(
            title="Data",
            subtitle="Completeness, freshness and cost of every source, and the dictionary of the marts",
            chips=labels,
        )

    def shown(self) -> pn.Column:
        """See `BasePage`."""
        build = self.build
        self._sources = provenance.sources(build)
        self._cells = queries.partitions(build, last_sessions=SHOWN_SESSIONS)
        fresh, problems = queries.freshness(build), queries.problems(build)
        self._bad = problems.height
        marts = queries.marts(build)
        self._kpis.object = kpi_markup(
            data_kpis(fresh, problems, marts, build, behind=queries.behind(build), last=self._last_attempt(fresh))
        )
        self._fresh.show(fresh.with_columns(state=freshness_state()))
        self._problems.show(problems.with_columns(units=units()))
        attempts = queries.attempts(build, limit=SHOWN_ATTEMPTS)
        self._attempts.show(attempts.with_columns(self._when(attempts), *self._attempt_columns()))
        tables = self._cells.select("source", "table_name").n_unique()
        self._map.pane.height = max(1, tables) * ROW_PIXELS + MAP_MARGIN
        self._map.draw(charts.option(self._cells))
        self._detail.object = _DETAIL_EMPTY
        for section in self._sections:
            section.refresh(build)
        names = marts["mart"].to_list()
        chosen = self._mart.value if self._mart.value in names else next(iter(names), None)
        self._mart.param.update(options=names, value=chosen)
        self._show_mart()
        return self._content

    def restyle(self, colours: Palette) -> None:
        """See `area.Section`."""
        super().restyle(colours)
        for section in self._sections:
            section.restyle(colours)

    def detail(self, source: str, table: str, session: str) -> Markup:
        """Return markup that says everything known of one session of one table, with a way to its runs."""
        rows = self._cells.filter(
            (pl.col("source") == source)
            & (pl.col("table_name") == table)
            & (pl.col("session_date").cast(pl.String) == session)
        )
        if not rows.height:
            return Markup('<p class="muted">{} has no session {}.</p>').format(table, session)
        row = rows.row(0, named=True)
        link = partition_link(self.visit.site.dagster, source=source, table=table, session=session)
        lines = [
            _LINE.format("", row["why"]) if row["why"] else "",
            _LINE.format("To mend it: ", with_commands(row["mends"])) if row["mends"] else "",
            _LINE.format("", _NEW_TAB.format(link, "Its runs in the Dagster UI")),
        ]
        return Markup('<div data-detail="{}">{}{}{}{}</div>').format(session, self._facts(row), *lines)

    def _facts(self, row: dict[str, Any]) -> Markup:
        parts = [
            chip(f"{row['source']}/{row['table_name']}", strong=str(row["session_date"])),
            chip("State", strong=LABELS.get(row["state"], row["state"]), dot=row["state"]),
        ]
        if row["units_expected"] is not None:
            parts.append(chip("Units", strong=f"{row['units_done']} of {row['units_expected']}"))
        if row["staged_rows"] is not None:
            parts.append(chip("Rows", strong=formats.integer(row["staged_rows"])))
        if row["quarantined_rows"]:
            parts.append(chip("Quarantined", strong=formats.integer(row["quarantined_rows"])))
        parts.append(chip("Attempts", strong=str(row["attempts"] or 0)))
        parts.append(chip("Last attempt", strong=self._instant(row["source"], row["last_attempt_at"])))
        if row["day_state"] not in (None, "open"):
            parts.append(chip("Calendar", strong=row["day_state"].replace("_", " ")))
        return chips(parts)

    def _instant(self, source: str, when: datetime | None) -> str:
        """Return a time of a source in the zone of its market."""
        zone = self._sources[source].zone if source in self._sources else self.visit.area.zone
        return formats.instant(when, zone)

    def _last_attempt(self, fresh: pl.DataFrame) -> tuple[datetime | None, str]:
        """Return when something was last collected, and the same in the zone of that source's market."""
        newest = fresh.drop_nulls("last_attempt_at").sort("last_attempt_at").tail(1)
        if not newest.height:
            return None, formats.MISSING
        source, when = newest.select("source", "last_attempt_at").row(0)
        return when, self._instant(source, when)

    def _when(self, attempts: pl.DataFrame) -> pl.Series:
        rows = attempts.select("source", "last_attempt_at").iter_rows()
        return pl.Series("when", [self._instant(source, when) for source, when in rows], dtype=pl.String)

    def _choose(self, event: Any) -> None:
        # The cell's position is the browser's; the names are looked up here, so that nothing from outside reaches the
        # markup.
        column, row, *_ = (
            event.data["value"] if isinstance(event.data.get("value"), list) else event.data["data"]["value"]
        )
        days, tables = charts.axes(self._cells)
        source, table = tables[int(row)].split("/", 1)
        self._detail.object = self.detail(source, table, days[int(column)])

    def _show_mart(self) -> None:
        if self._mart.value is None:
            return
        mart = queries.marts(self.build).filter(pl.col("mart") == self._mart.value).row(0, named=True)
        counted = "a view over files" if mart["rows"] is None else f"{formats.integer(mart['rows'])} rows"
        self._about_mart.object = Markup('<p>{} <span class="muted num">{}, {} columns.</span></p>').format(
            mart["description"] or "", counted, mart["columns"]
        )
        self._columns.show(queries.columns(self.build, mart=self._mart.value))

    def _attempt_columns(self) -> list[pl.Expr]:
        base = f"{self.visit.site.dagster}/assets/raw/"
        return [
            units().alias("units"),
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
            return self.files(lambda: f"{name}-{self.build.build_id}", table)

        runs = _NEW_TAB.format(f"{self.visit.site.dagster}/runs", "All runs in the Dagster UI")
        states = card(
            "Sessions by source and table",
            self._map.pane,
            html(charts.legend()),
            self._detail,
            note=f"The newest {SHOWN_SESSIONS} sessions, as this build saw them; only complete and closed are green",
        )
        problems = card(
            "To mend",
            self._problems.pane,
            note="Due sessions that are neither complete nor closed, and what mends them",
            footer=files("to-mend", self._problems),
        )
        attempts = card(
            "Collected last",
            self._attempts.pane,
            note=Markup("What each session cost. {}").format(runs),
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
        return stack(self._kpis, states, problems, *(section.view for section in self._sections), fresh, attempts, dictionary)


def partition_link(dagster: str, *, source: str, table: str, session: str) -> str:
    """Return the address of a partition in the Dagster UI, which lists its runs."""
    return f"{dagster}/assets/raw/{quote(source)}/{quote(table)}?view=partitions&partition={quote(session)}"


def freshness_state() -> pl.Expr:
    """Return `complete` if a table has all it should have by now, `stale` if newer sessions are due.

    `incomplete` means that only older ones are not green, `not_due` that no session of the table is due yet.
    """
    return (
        pl.when(pl.col("sessions") == 0)
        .then(pl.lit("not_due"))
        .when(pl.col("behind") > 0)
        .then(pl.lit("stale"))
        .when(pl.col("not_green") > 0)
        .then(pl.lit("incomplete"))
        .otherwise(pl.lit("complete"))
    )


def counted(count: int, thing: str) -> str:
    """Return `1 session`, `4 sessions`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def behind_words(tables: int) -> str:
    """Return in how many tables the sessions after the newest green one are missing."""
    return f"in {counted(tables, 'table')}, after the newest green one" if tables else "every table has its newest session"


def units() -> pl.Expr:
    """Return `48 of 50`."""
    return pl.format("{} of {}", pl.col("units_done"), pl.col("units_expected"))


def data_kpis(  # noqa: PLR0913 - one argument for each tile's figures
    fresh: pl.DataFrame,
    problems: pl.DataFrame,
    marts: pl.DataFrame,
    build: CachedBuild,
    *,
    behind: tuple[int, int],
    last: tuple[datetime | None, str],
) -> list[Kpi]:
    """Return the tiles of the Data page.

    Args:
        fresh, problems, marts, build: as `queries` gives them.
        behind: sessions and tables, as `queries.behind` gives them.
        last: when something was last collected, and that in words.
    """
    sessions, bad = int(fresh["sessions"].sum() or 0), problems.height
    older, early = int(fresh["history"].sum() or 0), int(fresh["not_due"].sum() or 0)
    history = ", ".join(
        [counted(fresh.height, "table")]
        + ([f"{early:,} not due yet"] if early else [])
        + ([f"{older:,} older not collected"] if older else [])
    )
    share = formats.percent_1(100 * (sessions - bad) / sessions) if sessions else formats.MISSING
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
        Kpi(key="behind", label="Behind", value=counted(behind[0], "session"), hint=behind_words(behind[1])),
        Kpi(key="last", label="Last attempt", value=formats.ago(last[0], now()), hint=last[1]),
        Kpi(
            key="build",
            label="Published",
            value=formats.ago(build.created_at, now()),
            hint=f"{marts.height} marts, {formats.integer(int(marts['rows'].sum()))} rows",
        ),
    ]
