"""The checks that every table has: sentences and numbers from manifest and staged rows."""

from __future__ import annotations

import logging
from datetime import date, timedelta

import polars as pl

from fin_assets import clock
from fin_assets.core.collection import judging
from fin_assets.core.collection.acceptance import row_band, states_sessions
from fin_assets.core.collection.remedies import promise, remedy_of
from fin_assets.core.collection.row_baseline import RowBaseline
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, StagedRef, UnitState
from fin_assets.core.contract.source import Finding, Source, Table
from fin_assets.core.storage.store import StagedDamaged, Store

log = logging.getLogger(__name__)

RAW_CHECKS = {
    "complete": "Every expected unit is fetched, or proven empty by the site or the calendar.",
    "date_is_the_pages_own": "Every page states the session that it is stored under.",
}
STAGED_CHECKS = {
    "schema": "Every staged row keeps every rule of the schema; refused rows are in quarantine.",
    "row_count_in_band": "Rows of each unit lie in the band around the median of 20 complete sessions (H6).",
}

WARNING_CHECKS = {
    "values_read": "Every value and every column of the pages is understood; those that no identity needs may not be.",
}
"""Checks of staged rows that every table has and that block nothing."""


def raw_checks(table: Table) -> dict[str, str]:
    """Return the blocking checks of a table's raw pages; answers that cover a history state no session."""
    return {
        name: text for name, text in RAW_CHECKS.items() if name != "date_is_the_pages_own" or states_sessions(table)
    }


def staged_checks(table: Table) -> dict[str, str]:
    """Return the blocking checks of a table's staged rows; the row count is judged only if the table has a band."""
    return {
        name: text for name, text in STAGED_CHECKS.items() if name != "row_count_in_band" or row_band(table) is not None
    }


def raw_findings(source: Source, table: Table, manifest: Manifest) -> dict[str, Finding]:
    """Return the findings of the manifest: completeness, and whether every page is of the session."""
    counts = {state.value: sum(unit.state is state for unit in manifest.units) for state in UnitState}
    stale = [unit for unit in manifest.units if unit.error_kind == "stale_date"]
    promised = promise(source, table, manifest, now=clock.now())
    remedy = remedy_of(manifest, by_itself=promised is not None)
    why = manifest.why() + (f". Mend it: {remedy}" if remedy else "")
    if promised:
        why += f". Without that, {promised}"
    coverage = [unit.coverage_pct for unit in manifest.units if unit.coverage_pct is not None]
    covered = {"lowest_coverage_pct": round(min(coverage), 3), "units_with_coverage": len(coverage)} if coverage else {}
    return {
        "complete": Finding(
            passed=manifest.state.is_done,
            summary=f"{manifest.done} of {len(manifest.units)} units" if manifest.state.is_done else why,
            numbers={"expected": len(manifest.units), **counts, "attempts": manifest.attempts, **covered},
        ),
        "date_is_the_pages_own": Finding(
            passed=not stale,
            summary=stale[0].error or "" if stale else (manifest.reason or f"every page states {manifest.session}"),
            numbers={"stale": len(stale)},
        ),
    }


def staged_findings(
    source: Source, table: Table, manifest: Manifest, *, store: Store, baseline: RowBaseline
) -> dict[str, Finding]:
    """Return the findings of the staged rows, by check; none without rows. Reads the partition before and the siblings."""
    if manifest.staged is None:
        return {}
    findings = {"schema": _schema_finding(manifest.staged), "values_read": _unread_finding(manifest)}
    if judging.CHECK in staged_checks(table):
        findings[judging.CHECK] = judging.finding(manifest, judging.verdict(table, manifest, baseline))
    if table.checks:
        frame = store.read_staged(manifest)
        previous = _previous(table, manifest, store)
        siblings = _siblings(source, table, manifest.session, store)
        if frame is not None:
            findings |= {
                name: check(frame, session=manifest.session, previous=previous, siblings=siblings)
                for name, check in table.checks.items()
            }
    return findings


def _schema_finding(staged: StagedRef) -> Finding:
    return Finding(
        passed=staged.quarantined == 0,
        summary=f"{staged.rows} rows kept, {staged.quarantined} refused"
        + (f": {staged.quarantine_file}" if staged.quarantined else ""),
        numbers={"rows": staged.rows, "quarantined": staged.quarantined},
    )


def _unread_finding(manifest: Manifest) -> Finding:
    staged = manifest.staged
    if staged is None or not staged.unread:
        return Finding(passed=True, summary="every value is understood", numbers={"unread": 0})
    more = "; ..." if staged.unread > len(staged.unread_sample) else ""
    parsed_again = f"fin reparse {manifest.source} --from {manifest.session} --to {manifest.session}"
    return Finding(
        passed=False,
        summary=f"{staged.unread} values or columns are not understood and are null or left out: "
        f"{'; '.join(staged.unread_sample)}{more}. Teach the source's parser what they mean, then: {parsed_again}",
        numbers={"unread": staged.unread, "sample": "; ".join(staged.unread_sample)},
    )


def _siblings(source: Source, table: Table, session: date, store: Store) -> dict[str, pl.DataFrame]:
    frames = {}
    for other in source.tables:
        if other.name == table.name:
            continue
        manifest = store.manifest(PartitionKey(source.name, other.name, session))
        if manifest is not None and manifest.state is PartitionState.COMPLETE and manifest.staged is not None:
            frame = _stored_rows(manifest, store)
            if frame is not None:
                frames[other.name] = frame
    return frames


def _previous(table: Table, manifest: Manifest, store: Store) -> pl.DataFrame | None:
    days = table.calendar.sessions(manifest.session - timedelta(days=20), manifest.session - timedelta(days=1))
    if not days:
        return None
    earlier = store.manifest(PartitionKey(manifest.source, manifest.table, days[-1]))
    return _stored_rows(earlier, store) if earlier is not None else None


def _stored_rows(manifest: Manifest, store: Store) -> pl.DataFrame | None:
    """Return the staged rows of another partition than the judged one, or None: its damage is no fault of this one."""
    try:
        return store.read_staged(manifest)
    except StagedDamaged as damage:
        log.warning("compared without %s: %s", manifest.key, damage)
        return None
