"""A home of small sources: its clock, its collections in pools of their own, its builds with real dbt, its answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from fin_assets.core.collection.collector import Collector
from fin_assets.core.collection.finalize import Finalizer, SessionResult, baseline_around
from fin_assets.core.contract.manifest import Manifest, PartitionKey
from fin_assets.core.contract.source import Source, Table
from fin_assets.core.storage.store import store_of
from fin_assets.core.transport.clients import Clients
from fin_assets.settings import BrowserSettings, Settings
from fin_assets.warehouse.build import BuildResult, drain, run
from fin_assets.warehouse.paths import PROJECT
from fin_assets.warehouse.reader import Reader

OWN = Path(__file__).with_name("project")
NO_BROWSER = Path("no-such-folder/chromium")
SHARED = (
    "dbt_project.yml",
    "profiles.yml",
    "macros/generate_schema_name.sql",
    "macros/session",
    "models/sources/control.yml",
    "models/intermediate/int__scope.sql",
    "models/intermediate/int__scope.yml",
    "models/intermediate/int__snapshots.sql",
    "models/intermediate/int__snapshots.yml",
    "tests/generic",
)
"""Parts of the real dbt project that name no area."""


def assemble_project(target: Path) -> Path:
    """Put the models of the small sources among the shared parts of the real dbt project; return the folder."""
    shutil.copytree(OWN, target)
    for name in SHARED:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, path)
        else:
            shutil.copyfile(PROJECT / name, path)
    return target


@contextmanager
def clock_at(instant: datetime) -> Iterator[None]:
    """Stop the clock of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIN_CLOCK", instant.isoformat())
        yield


class Home:
    """A project home; `browser.executable` of its settings is a file that does not exist."""

    def __init__(self, root: Path, sources: Sequence[Source], *, project: Path) -> None:
        self.settings = Settings(home=root, browser=BrowserSettings(executable=NO_BROWSER))
        self.store = store_of(self.settings)
        self.sources = list(sources)
        self.reader = Reader(self.settings.data)
        self._project = project

    def table(self, name: str) -> tuple[Source, Table]:
        """Return a table by `source.table`, with its source."""
        source_name, _, table = name.partition(".")
        source = next(source for source in self.sources if source.name == source_name)
        return source, source.table(table)

    def collect(self, name: str, days: Sequence[date], *, at: datetime) -> list[SessionResult]:
        """Collect partitions of `source.table` as a new run does: with pools that it opens and closes."""
        source, table = self.table(name)
        with clock_at(at), Clients(self.settings.browser, data=self.settings.data) as clients:
            return Collector(source, table, store=self.store, clients=clients, on_session=lambda _result: None).run(
                days
            )

    def manifest(self, name: str, day: date) -> Manifest:
        """Return the manifest of a partition."""
        manifest = self.store.manifest(self.key(name, day))
        assert manifest is not None
        return manifest

    def key(self, name: str, day: date) -> PartitionKey:
        """Return the key of a partition of `source.table`."""
        source, table = self.table(name)
        return PartitionKey(source.name, table.name, day)

    def finalizer(self, name: str, day: date) -> Finalizer:
        """Return what stages partitions of `source.table` again."""
        source, table = self.table(name)
        baseline = baseline_around(table, [day], source=source.name, store=self.store)
        return Finalizer(source, table, self.store, baseline)

    def build(self, *, at: datetime, full_refresh: bool = False) -> BuildResult:
        """Build with dbt, and publish."""
        with clock_at(at):
            return drain(run(self.settings, self.sources, self.store, project=self._project, full_refresh=full_refresh))

    def changed(self, source: str) -> list[date]:
        """Return the session dates that the last build took up."""
        found = self.reader.query(
            "select session_date from control.changed_sessions where source = ? order by 1", [source]
        )
        return found["session_date"].to_list()

    def mart(self, name: str) -> pl.DataFrame:
        """Return all rows of a mart, sorted, without the time at which they were written."""
        frame = self.reader.query(f"from {name}")
        return frame.drop("written_at", strict=False).sort(pl.all())

    def written(self, name: str) -> dict[date, datetime]:
        """Return when the rows of each session date of a mart were written."""
        found = self.reader.query(f"select session_date, max(written_at) from {name} group by all")  # noqa: S608 - of a test
        return dict(found.iter_rows())


def differing(before: pl.DataFrame, after: pl.DataFrame) -> list[date]:
    """Return the session dates of rows that are in one of two marts only."""
    rows, others = set(before.iter_rows()), set(after.iter_rows())
    place = after.columns.index("session_date")
    return sorted({row[place] for row in rows ^ others})


def rewritten(before: dict[date, datetime], after: dict[date, datetime]) -> list[date]:
    """Return the session dates whose rows were written between two looks at a mart."""
    return sorted(day for day, instant in after.items() if before.get(day) != instant)
