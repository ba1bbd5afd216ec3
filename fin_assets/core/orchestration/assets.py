"""From a source's contract to Dagster assets: raw and staged of each table, their checks, in one step.

Raw and staged are made by one step, session by session, so that a range of sessions is one run, each finished session
counts at once, and a failed one costs only itself. An incomplete session is never recorded as materialized.
"""

# No postponed annotations here: Dagster reads the type of an asset function's `config` at once.
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
)  # no public name takes a partition

from fin_assets.core.collection.collector import Collector, OnEvent
from fin_assets.core.collection.finalize import Finalizer, SessionResult, baseline_around
from fin_assets.core.collection.findings import RAW_CHECKS, STAGED_CHECKS, WARNING_CHECKS, raw_checks, staged_checks
from fin_assets.core.collection.recovery import mend_manifest
from fin_assets.core.collection.remedies import run_command
from fin_assets.core.contract.manifest import Manifest, PartitionKey
from fin_assets.core.contract.plain_text import markdown, printable
from fin_assets.core.contract.source import Finding, Source, Table
from fin_assets.core.orchestration.automation import heal, heal_with_raw
from fin_assets.core.orchestration.check_metadata import complete_metadata
from fin_assets.core.orchestration.freshness import freshness_policy
from fin_assets.core.orchestration.partitions import partitions_of
from fin_assets.core.storage.store import Store
from fin_assets.core.transport.clients import Clients

SAMPLE_ROWS = 5
_KINDS = {"browser": "playwright", "http": "http", "files": "file"}

CLOSED_DAYS = "closed_days_are_empty"
"""Name of the check that the audit of closed days makes, see `rounds`."""


OpenClients = Callable[[], AbstractContextManager[Clients]]
"""Opens the pools of one run, and closes them at its end."""


class CollectConfig(dg.Config):
    """Options of a run in the launchpad.

    Attributes:
        refetch: ask the site again for sessions that are complete; a changed page becomes a new generation.
        newest_first: order of a range.
    """

    refetch: bool = False
    newest_first: bool = False


def raw_key(source: Source, table: Table) -> dg.AssetKey:
    """Return the asset key of a table's raw pages."""
    return dg.AssetKey(["raw", source.name, table.name])


def staged_key(source: Source, table: Table) -> dg.AssetKey:
    """Return the asset key of a table's staged rows."""
    return dg.AssetKey(["staged", source.name, table.name])


def step_name(source: Source, table: Table) -> str:
    """Return the name of the step that makes a table: its own, or that of the table that it needs."""
    group = next(group for group in source.groups() if any(each.name == table.name for each in group))
    return f"{source.name}__{group[0].name}"


def table_assets(
    source: Source,
    tables: Sequence[Table],
    *,
    store: Store,
    clients: OpenClients,
    on_event: OnEvent | None = None,
) -> dg.AssetsDefinition:
    """Return the assets `raw/<source>/<table>` and `staged/<source>/<table>` of tables with their partitioned checks.

    A table and those that need it are made by one step, in order: the step has no outputs, and Dagster would skip a step that
    depends on it.

    Args:
        source: whose tables.
        tables: one table, and behind it those that need it.
        store: where they lie.
        clients: opens the pools of one run; one for all tables of the step.
        on_event: called for each unit.
    """
    partitions = partitions_of(source, tables[0])

    @dg.multi_asset(
        name=step_name(source, tables[0]),
        specs=[spec for table in tables for spec in _specs(source, table, store, partitions)],
        check_specs=[spec for table in tables for spec in _check_specs(source, table, partitions)],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=f"source_{source.name}",
    )
    def collect(context: dg.AssetExecutionContext, config: CollectConfig) -> Iterator[dg.Output[None]]:
        sessions = [date.fromisoformat(key) for key in context.partition_keys]
        if config.newest_first:
            sessions.reverse()
        failures = []
        with clients() as pools:
            for table in tables:
                raw, staged = raw_key(source, table), staged_key(source, table)
                if not {raw, staged} & context.selected_asset_keys:
                    continue
                report = _Report(context, source, table, store, total=len(sessions))
                if raw in context.selected_asset_keys:
                    Collector(
                        source,
                        table,
                        store=store,
                        clients=pools,
                        on_session=report.session,
                        on_event=on_event,
                        refetch=config.refetch,
                    ).run(sessions)
                else:
                    _restage(source, table, sessions, store=store, report=report)
                failures.append(report.failure())
        _raise_first([failure for failure in failures if failure is not None])
        # Each session has logged its own materializations; the step has no outputs of its own.
        yield from ()

    return collect


def _specs(
    source: Source, table: Table, store: Store, partitions: dg.TimeWindowPartitionsDefinition
) -> list[dg.AssetSpec]:
    raw, staged = raw_key(source, table), staged_key(source, table)
    healing = heal(source, table, store)
    needed = [staged_key(source, source.table(name)) for name in table.needs]
    text = f"Exact pages and the manifest of each session. {table.description}"
    specs = [
        _spec(source, table, raw, partitions, "raw", text, healing, deps=needed),
        _spec(source, table, staged, partitions, "staged", table.description, heal_with_raw(healing), deps=[raw]),
    ]
    policy = freshness_policy(source, table)
    return [spec.replace_attributes(freshness_policy=policy) for spec in specs]


def _raise_first(failures: list[dg.Failure]) -> None:
    """Raise the first failure; its message lists the failures of dependent tables too."""
    if not failures:
        return
    told = "; ".join(failure.description or "" for failure in failures)
    raise dg.Failure(description=told, metadata=failures[0].metadata, allow_retries=False)


def _restage(source: Source, table: Table, sessions: list[date], *, store: Store, report: "_Report") -> None:
    finalizer = Finalizer(source, table, store, baseline_around(table, sessions, source=source.name, store=store))
    never: list[date] = []
    for session in sessions:
        manifest = mend_manifest(store, PartitionKey(source.name, table.name, session))
        if manifest is None:
            never.append(session)
        elif manifest.state.is_done:
            report.session(finalizer.restage(manifest, force=True))
        else:
            report.session(SessionResult(manifest))
    report.never = never


class _Report:
    """Reports the outcome of each session to Dagster while the run continues."""

    def __init__(
        self, context: dg.AssetExecutionContext, source: Source, table: Table, store: Store, *, total: int
    ) -> None:
        self._context, self._store, self._total = context, store, total
        self._raw, self._staged = raw_key(source, table), staged_key(source, table)
        self._source, self._table = source, table
        self._done = 0
        self._bad: list[SessionResult] = []
        self.never: list[date] = []

    def session(self, result: SessionResult) -> None:
        """Log materializations of usable sessions, and every finding."""
        if result.again:
            self._again(result)
            return
        self._done += 1
        manifest, partition = result.manifest, result.manifest.session.isoformat()
        state = manifest.state.value + (f", blocked by {', '.join(manifest.blocked_by)}" if manifest.blocked_by else "")
        told = result.problem or manifest.why()
        self._context.log.info("%s/%s %s: %s. %s", self._done, self._total, partition, state, told)
        selected = self._context.selected_asset_keys
        if manifest.state.is_done and self._raw in selected:
            self._context.log_event(
                dg.AssetMaterialization(self._raw, partition=partition, metadata=self._raw_metadata(result))
            )
        self._findings(result, self._raw, raw_checks(self._table))
        if result.usable and manifest.staged is not None and self._staged in selected:
            self._context.log_event(
                dg.AssetMaterialization(self._staged, partition=partition, metadata=self._staged_metadata(result))
            )
        self._findings(result, self._staged, {**staged_checks(self._table), **WARNING_CHECKS, **self._table.checks})
        if not result.usable:
            self._bad.append(result)

    def _again(self, result: SessionResult) -> None:
        """Log the new verdict of a sealed session; it fails the run only if the run was asked for this session."""
        manifest = result.manifest
        told = "; ".join(finding.summary for finding in result.findings.values())
        self._context.log.info("%s is judged again: %s", manifest.session, told)
        self._findings(result, self._staged, staged_checks(self._table))
        if result.usable and self._staged in self._context.selected_asset_keys:
            partition = manifest.session.isoformat()
            self._context.log_event(
                dg.AssetMaterialization(self._staged, partition=partition, metadata=self._staged_metadata(result))
            )
        asked = manifest.session.isoformat() in self._context.partition_keys
        self._bad = [bad for bad in self._bad if bad.manifest.session != manifest.session or bad.problem]
        if asked and not result.usable:
            self._bad.append(result)

    def failure(self) -> dg.Failure | None:
        """Return the failure of the run if a session is not usable, with the reasons and what to do."""
        table = f"{self._source.name}/{self._table.name}"
        if self.never:
            span = f"--from {min(self.never)} --to {max(self.never)}"
            told = f"{len(self.never)} sessions of {table} were never collected: fin run {self._source.name} {span}"
            return dg.Failure(told, allow_retries=False)
        if not self._bad:
            return None
        first = self._bad[0].manifest
        days = [str(result.manifest.session) for result in self._bad]
        problem = next((f"{result.manifest.session}: {result.problem}" for result in self._bad if result.problem), None)
        unfinished = any(not result.manifest.state.is_done for result in self._bad)
        remedy = (
            run_command(self._source.name, self._asked_for, [result.manifest.session for result in self._bad])
            if unfinished
            else f"fin status {self._source.name}"
        )
        told = (
            f"{len(self._bad)} of {self._total} sessions of {table} are not complete ({', '.join(days[:5])}). "
            f"{problem or f'Mend it: {remedy}'}"
        )
        return dg.Failure(
            description=printable(told),
            metadata={
                "sessions": dg.MetadataValue.md("\n".join(f"- {markdown(_reason(result))}" for result in self._bad)),
                "evidence": dg.MetadataValue.path(str(self._store.evidence_dir(first.key))),
                "mends": remedy,
            },
            allow_retries=False,
        )

    @property
    def _asked_for(self) -> str | None:
        """The table that a command names; None if another table has yet to name the units of a session."""
        return self._table.name if all(result.manifest.units for result in self._bad) else None

    def _findings(self, result: SessionResult, asset: dg.AssetKey, names: Mapping[str, object]) -> None:
        for name in names:
            finding = result.findings.get(name)
            if finding is not None and dg.AssetCheckKey(asset, name) in self._context.selected_asset_check_keys:
                self._context.log_event(self._evaluation(asset, name, finding, result.manifest))

    def _evaluation(self, asset: dg.AssetKey, name: str, finding: Finding, manifest: Manifest) -> AssetCheckEvaluation:
        blocking = name in RAW_CHECKS or name in STAGED_CHECKS
        more = complete_metadata(manifest, self._store) if name == "complete" else {}
        metadata = {
            key: dg.MetadataValue.text("none") if value is None else value for key, value in finding.numbers.items()
        }
        return AssetCheckEvaluation(
            asset_key=asset,
            check_name=name,
            passed=finding.passed,
            partition=manifest.session.isoformat(),
            description=printable(finding.summary),
            metadata={key: _metadata(value) for key, value in metadata.items()} | more,
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            blocking=blocking,
        )

    def _raw_metadata(self, result: SessionResult) -> dict[str, dg.MetadataValue | int | float | str]:
        manifest = result.manifest
        return {
            "state": manifest.state.value,
            "units": len(manifest.units),
            "rows": manifest.rows,
            "bytes": sum(unit.bytes for unit in manifest.units),
            "requests": manifest.requests,
            "seconds": manifest.seconds,
            "attempts": manifest.attempts,
            "transport": ", ".join(sorted({unit.transport for unit in manifest.units if unit.transport})),
            "file": dg.MetadataValue.path(str(self._store.data / manifest.raw_file) if manifest.raw_file else ""),
            "evidence": dg.MetadataValue.path(str(self._store.evidence_dir(manifest.key))),
        }

    def _staged_metadata(self, result: SessionResult) -> dict[str, dg.MetadataValue | int | float | str]:
        staged = result.manifest.staged
        frame = self._store.read_staged(result.manifest)
        if staged is None or frame is None:
            return {}
        return {
            "dagster/row_count": staged.rows,
            "bytes": staged.bytes,
            "quarantined": staged.quarantined,
            "parser_version": staged.parser_version,
            "file": dg.MetadataValue.path(str(self._store.data / staged.file)),
            "sample": dg.MetadataValue.md(_markdown(frame.head(SAMPLE_ROWS).rows(named=True))),
        }


def _reason(result: SessionResult) -> str:
    manifest = result.manifest
    return f"{manifest.session}: {result.problem or manifest.why() or 'blocked by ' + ', '.join(manifest.blocked_by)}"


def _metadata(value: float | str | dg.MetadataValue) -> dg.MetadataValue:
    if isinstance(value, bool | str):
        return dg.MetadataValue.text(printable(str(value)))
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    return dg.MetadataValue.float(value) if isinstance(value, float) else value


def _markdown(rows: list[dict[str, object]]) -> str:
    if not rows:
        return "no rows"
    head = list(rows[0])
    lines = ["| " + " | ".join(map(markdown, head)) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(markdown(str(row[name])) for name in head) + " |" for row in rows]
    return "\n".join(lines)


def _spec(
    source: Source,
    table: Table,
    key: dg.AssetKey,
    partitions: dg.TimeWindowPartitionsDefinition,
    layer: str,
    description: str,
    condition: dg.AutomationCondition[dg.AssetKey],
    *,
    deps: list[dg.AssetKey] | None = None,
) -> dg.AssetSpec:
    metadata: dict[str, dg.MetadataValue | dg.TableSchema | str] = {
        "source": dg.MetadataValue.url(source.link),
        "mode": table.site.mode,
    }
    if layer == "staged":
        metadata["dagster/column_schema"] = column_schema(table)
    return dg.AssetSpec(
        key,
        deps=deps or [],
        description=description,
        group_name=source.name,
        owners=[source.owner],
        kinds={_KINDS[table.site.transport], "parquet"} if layer == "raw" else {"polars", "parquet"},
        partitions_def=partitions,
        automation_condition=condition,
        metadata=metadata,
        tags={"layer": layer},
    )


def column_schema(table: Table) -> dg.TableSchema:
    """Return the staged columns of a table with types and descriptions, for the asset's page."""
    columns = []
    for name, column in table.schema.columns().items():
        constraints = dg.TableColumnConstraints(nullable=column.nullable)
        columns.append(
            dg.TableColumn(
                name=name, type=str(column.dtype), description=column.description or "", constraints=constraints
            )
        )
    return dg.TableSchema(columns=columns)


def _check_specs(
    source: Source, table: Table, partitions: dg.TimeWindowPartitionsDefinition
) -> list[dg.AssetCheckSpec]:
    raw, staged = raw_key(source, table), staged_key(source, table)
    blocking = [(raw, name, text, True) for name, text in raw_checks(table).items()] + [
        (staged, name, text, True) for name, text in staged_checks(table).items()
    ]
    others = [(staged, name, text, False) for name, text in WARNING_CHECKS.items()] + [
        (staged, name, (check.__doc__ or "").strip().split("\n")[0], False) for name, check in table.checks.items()
    ]
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset,
            # A source's own checks are explained in its own page.
            description=f"{text} Runbook: docs/{f'sources/{source.name}' if name in table.checks else 'runbook'}.md#{name}",
            blocking=blocks,
            partitions_def=partitions,
        )
        for asset, name, text, blocks in blocking + others
    ]
