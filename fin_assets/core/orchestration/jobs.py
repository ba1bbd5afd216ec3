"""Jobs: one that collects each table with those that need it."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)  # what define_asset_job returns has no public name

from fin_assets.core.contract.source import Source, Table
from fin_assets.core.orchestration.assets import CLOSED_DAYS, raw_key, staged_key, step_name
from fin_assets.core.orchestration.monitoring import watch_keys

Collecting = tuple[Table, UnresolvedAssetJobDefinition]
"""A job that collects sessions, and the table whose sessions they are."""


def collect_jobs(source: Source) -> list[Collecting]:
    """Return a job for each table; a table that needs another one is collected in that one's job, after it."""
    return [(tables[0], _collect_job(source, tables)) for tables in source.groups()]


def _collect_job(source: Source, tables: Sequence[Table]) -> UnresolvedAssetJobDefinition:
    keys = [key(source, table) for table in tables for key in (raw_key, staged_key)]
    # Without the checks of a table as a whole: they have schedules of their own.
    others = [check for table in tables for check in watch_keys(source, table)]
    others += [dg.AssetCheckKey(staged_key(source, table), CLOSED_DAYS) for table in tables if table.off_calendar]
    return dg.define_asset_job(
        f"collect_{step_name(source, tables[0])}",
        selection=dg.AssetSelection.assets(*keys) - dg.AssetSelection.checks(*others),
        description=f"Collect and stage sessions of {source.title}: {', '.join(table.name for table in tables)}.",
    )
