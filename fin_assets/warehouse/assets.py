"""The marts as Dagster assets: lineage, checks and columns from the dbt project, one step that builds and publishes.

A mart counts as materialized when its build is published, not when its table is made: what readers cannot see is not
there. Whatever part is selected, the whole build runs, because a build is published as a whole.
"""

# No postponed annotations here: Dagster reads the type of an asset function's `context` at once.
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import AutomationCondition as C
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from fin_assets.core.contract.source import Source
from fin_assets.core.storage.store import Store
from fin_assets.settings import Settings
from fin_assets.warehouse import build, dbt, inputs
from fin_assets.warehouse.dbt import NodeDone, OnNode
from fin_assets.warehouse.paths import PROJECT, BuildFailed, Layout
from fin_assets.warehouse.plan import Plan
from fin_assets.warehouse.publish import Build

POOL = "warehouse"
HEALTH = "ops__partition_health"
_UNIQUE_ID = "dagster_dbt/unique_id"
_MANIFESTS = dg.AssetKey(["control", "partitions"])
_FOLDERS = {"main": "marts"}

Event = dg.MaterializeResult[None] | dg.AssetCheckResult


class MartsConfig(dg.Config):
    """Options of a run in the launchpad.

    Attributes:
        full_refresh: rebuild every session although nothing differs.
    """

    full_refresh: bool = False


def mart_assets(
    settings: Settings,
    sources: Sequence[Source],
    store: Store,
    *,
    project: Path = PROJECT,
    on_node: OnNode | None = None,
    policy: dg.FreshnessPolicy | None = None,
) -> list[dg.AssetsDefinition]:
    """Return the dbt models and seeds as assets that are built, tested and published by one step.

    Args:
        settings: of this home.
        sources: those that were discovered.
        store: of this home.
        project: the dbt project; parsed here if it has changed since the last time (some seconds).
        on_node: called for each model and test, for a progress display in this process.
        policy: within which time a build is expected.

    Raises:
        BuildFailed: the project cannot be parsed.
    """
    layout = Layout(store.data)

    def inputs_now() -> str:
        return inputs.stamp(layout, project=project, sources=sources, modes=store.modes)

    translator = _Translator(
        [dg.AssetKey(["raw", source.name, table.name]) for source in sources for table in source.tables],
        policy,
        look_hourly(lambda: not inputs.are_known(layout, inputs_now())),
    )

    @dbt_assets(manifest=dbt.parse(layout, project), name="marts", dagster_dbt_translator=translator, pool=POOL)
    def marts(context: dg.AssetExecutionContext, config: MartsConfig) -> Iterator[Event]:
        checks = {spec.metadata[_UNIQUE_ID]: spec.key for spec in marts.check_specs}
        selected = context.selected_asset_check_keys
        results: list[dg.AssetCheckResult] = []

        def told(node: NodeDone) -> None:
            if on_node is not None:
                on_node(node)
            context.log.info(
                "%d/%d %s %s: %s (%s s)", node.done, node.total, node.kind, node.name, node.status, node.seconds
            )
            if checks.get(node.unique_id) in selected:
                results.append(_check_result(checks[node.unique_id], node))

        before = inputs_now()
        steps = build.run(
            settings,
            sources,
            store,
            full_refresh=config.full_refresh,
            on_plan=lambda plan: _log_plan(context, plan),
            project=project,
        )
        try:
            done = build.drain(steps, told)
        except BuildFailed as error:
            yield from results
            raise dg.Failure(str(error), allow_retries=False) from error
        inputs.remember(layout, before, done.build.id)
        if not done.published:
            context.log.info("nothing has changed since build %s", done.build.id)
        yield from _materialized(context, marts, done.build, done.plan)
        yield from results

    return [marts]


def _log_plan(context: dg.AssetExecutionContext, plan: Plan) -> None:
    what = f"full refresh ({plan.reason})" if plan.full_refresh else "increment"
    context.log.info("%s: %d changed sessions, %d staged files to read", what, plan.changed, plan.files)


def _check_result(key: dg.AssetCheckKey, node: NodeDone) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=node.status == "pass",
        metadata={"rows that break it": node.failures, "seconds": node.seconds, "dbt test": node.unique_id},
    )


def _materialized(
    context: dg.AssetExecutionContext, marts: dg.AssetsDefinition, published: Build, plan: Plan
) -> Iterator[dg.MaterializeResult[None]]:
    """Report every model of the build to Dagster, also those that were not selected."""
    within = {spec.key: [dep.asset_key for dep in spec.deps if dep.asset_key in marts.keys] for spec in marts.specs}
    # Dagster takes the results of one step only in the order of their dependencies.
    for key in TopologicalSorter(within).static_order():
        metadata: dict[str, Any] = {"build": published.id, "changed sessions": plan.changed}
        if key.path[-1] in published.marts:
            metadata["dagster/row_count"] = published.marts[key.path[-1]]
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        else:
            context.log_event(dg.AssetMaterialization(key, metadata=metadata))


class _Translator(DagsterDbtTranslator):
    """Names, groups and automation of the dbt project's nodes."""

    def __init__(self, raw: Sequence[dg.AssetKey], policy: dg.FreshnessPolicy | None, look: C[dg.AssetKey]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))
        self._policy, self._look = policy, look
        self._raw = [dg.AssetDep(key) for key in raw]
        self._used: dict[dg.AssetKey, Counter[str]] = {}
        self._names: dict[str, str] = {}

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return `marts/<name>`, or the schema's name before it; of a source what its metadata says."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        schema = dbt_resource_props["schema"]
        return dg.AssetKey([_FOLDERS.get(schema, schema), dbt_resource_props["name"]])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Let what reads the manifests depend on the raw assets; leave other control tables out of the lineage."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        reads_manifests = any(dep.asset_key == _MANIFESTS for dep in spec.deps)
        # The history of a table has the staged rows.
        deps = [
            dg.AssetDep(["staged", *dep.asset_key.path[1:]]) if dep.asset_key.path[0] == "history" else dep
            for dep in spec.deps
            if dep.asset_key.path[0] != "control"
        ]
        return spec.replace_attributes(
            deps=[*deps, *self._raw] if reads_manifests else deps, freshness_policy=self._policy
        )

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the area of a mart; everything that people do not read is `warehouse`."""
        return _area(dbt_resource_props) or "warehouse"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """Return the team of a mart's area."""
        area = _area(dbt_resource_props)
        return [f"team:{area}"] if area else super().get_owners(dbt_resource_props)

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> C[dg.AssetKey] | None:
        """Rebuild after new staged sessions; look at the manifests once an hour even without any."""
        if dbt_resource_props["name"] == HEALTH:
            return self._look
        reads = dbt_resource_props.get("depends_on", {}).get("nodes", [])
        staged = any(node.startswith("source.") and ".control." not in node for node in reads)
        return rebuild_when_staged() if staged else None

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """Name a test by its rule, such as `grain` or `identity_H3`, not by all its arguments."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        node = manifest["nodes"][unique_id]
        if unique_id not in self._names:
            self._names[unique_id] = self._short_name(asset_spec.key, node)
        return spec._replace(name=self._names[unique_id], description=_describe(node))

    def _short_name(self, asset: dg.AssetKey, node: Mapping[str, Any]) -> str:
        arguments = node["test_metadata"]["kwargs"]
        about = arguments.get("column") or (arguments["formula"] if str(arguments.get("formula", "")).isalnum() else "")
        name = "_".join(part for part in (node["test_metadata"]["name"], about) if part)
        used = self._used.setdefault(asset, Counter())
        used[name] += 1
        return name if used[name] == 1 else f"{name}_{used[name]}"


def _area(props: Mapping[str, Any]) -> str | None:
    """Return the folder of a mart under models/marts; None if the model is no mart."""
    folders = list(props.get("fqn") or ())[1:-1]
    return str(folders[1]) if len(folders) > 1 and folders[0] == "marts" else None


def _describe(node: Mapping[str, Any]) -> str:
    arguments = {key: value for key, value in node["test_metadata"]["kwargs"].items() if key != "model"}
    told = arguments.get("expression") or ", ".join(f"{key}: {value}" for key, value in arguments.items())
    return f"{node['test_metadata']['name']}: {told}" if told else str(node["test_metadata"]["name"])


def rebuild_when_staged() -> C[dg.AssetKey]:
    """Build the marts after sessions were staged, once all that is being collected has ended.

    Prevents a build for each of sixty sessions of a backfill, and a second build while one is running. Sessions that
    are not complete, or failed a blocking check, are left out by the build itself: one bad session holds up nothing.
    """
    staged = dg.AssetSelection.key_prefixes("staged")
    return (
        C.any_deps_updated().allow(staged).since_last_handled()
        & ~C.any_deps_in_progress().allow(staged)
        & ~C.in_progress()
    ).with_label("rebuild after new sessions")


class InputsChanged(C[dg.AssetKey]):
    """True if a build could find something to do. Prevents hourly runs that find nothing, each with hundreds of events."""

    def __init__(self, changed: Callable[[], bool]) -> None:
        self._changed = changed

    @property
    def name(self) -> str:
        """Shown in the condition tree of the UI."""
        return "inputs_changed"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Keep the candidates if the inputs of the marts have changed; without a candidate nothing is looked at."""
        candidates = context.candidate_subset
        if candidates.is_empty or self._changed():
            return dg.AutomationResult(context, true_subset=candidates)
        return dg.AutomationResult(context, true_subset=context.get_empty_subset())


def look_hourly(changed: Callable[[], bool]) -> C[dg.AssetKey]:
    """Bring the states of incomplete partitions up to date. Prevents a health page without the failures.

    Without a change of manifests, calendars or settings no run is started: `changed` looks at their names and times.
    """
    return (C.cron_tick_passed("15 * * * *", "UTC") & ~C.in_progress() & InputsChanged(changed)).with_label(
        "hourly look at the manifests"
    )
