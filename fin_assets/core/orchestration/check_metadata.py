"""What the check `complete` shows in Dagster beside its sentence: the units, worst first, evidence, and the runbook itself."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg

from fin_assets.core.contract.manifest import Manifest, UnitRecord, UnitState
from fin_assets.core.storage.store import Store

SHOWN = 25
"""Units in the table of one evaluation: they are stored with each evaluation."""

DOCS = Path(__file__).resolve().parents[3] / "docs"

_COLUMNS = {
    "unit": ("string", "Name of the unit."),
    "state": ("string", "fetched, empty_confirmed, missing, failed, refused or deferred."),
    "kind": ("string", "Kind of the failure: a heading of the runbook, or of the page of the source."),
    "reason": ("string", "What happened."),
    "attempts": ("int", "Requests that it took."),
    "status": ("int", "HTTP status of the answer; 0 without one."),
    "rows": ("int", "Rows that the parser found."),
    "coverage_pct": ("float", "Share of the exchange's data that the answer shows; -1 where the source cannot tell."),
    "evidence": ("string", "First file of its evidence, below the data directory."),
}
_ORDER = [UnitState.REFUSED, UnitState.FAILED, UnitState.MISSING, UnitState.DEFERRED]
"""Worst first; what is done comes behind them."""


def complete_metadata(manifest: Manifest, store: Store) -> dict[str, dg.MetadataValue]:
    """Return the metadata of a session's check `complete`; where it fails with evidence and sections of the documents."""
    found: dict[str, dg.MetadataValue] = {}
    if manifest.units:
        found["units"] = _table(manifest)
    if len(manifest.units) > SHOWN:
        left = len(manifest.units) - SHOWN
        every = f"fin status {manifest.source} --session {manifest.session}"
        found["units that are not shown"] = dg.MetadataValue.text(f"{left}; each one that is missing: {every}")
    if manifest.state.is_done:
        return found
    found["evidence"] = dg.MetadataValue.path(str(store.evidence_dir(manifest.key)))
    kinds = sorted({unit.error_kind for unit in manifest.unfinished() if unit.error_kind})
    sections = [each for name in ["complete", *kinds] if (each := section(manifest.source, name))]
    if sections:
        found["runbook"] = dg.MetadataValue.md("\n\n".join(sections))
    return found


def section(source: str, heading: str) -> str | None:
    """Return a section of the runbook, or of the page of a source, with its heading; None if neither has it."""
    wanted = re.compile(rf"^###? {re.escape(heading)}\n(.*?)(?=^#|\Z)", flags=re.MULTILINE | re.DOTALL)
    for page in (DOCS / "runbook.md", DOCS / "sources" / f"{source}.md"):
        found = wanted.search(page.read_text(encoding="utf-8")) if page.exists() else None
        if found:
            return f"### {heading}\n{found[1].rstrip()}"
    return None


def worst_first(units: tuple[UnitRecord, ...]) -> list[UnitRecord]:
    """Return units by how bad they are: not done, then the lowest coverage, then the most attempts."""

    def badness(unit: UnitRecord) -> tuple[int, float, int, str]:
        rank = _ORDER.index(unit.state) if unit.state in _ORDER else len(_ORDER)
        coverage = unit.coverage_pct if unit.coverage_pct is not None else 100.0
        return rank, coverage, -unit.attempts, unit.unit

    return sorted(units, key=badness)


def _table(manifest: Manifest) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(name, kind, description=text) for name, (kind, text) in _COLUMNS.items()]
    records = [_record(unit) for unit in worst_first(manifest.units)[:SHOWN]]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def _record(unit: UnitRecord) -> dg.TableRecord:
    # A cell must have a value of its column's type.
    values: dict[str, str | int | float] = {
        "unit": unit.unit,
        "state": unit.state.value,
        "kind": unit.error_kind or "",
        "reason": unit.error or "",
        "attempts": unit.attempts,
        "status": unit.status or 0,
        "rows": unit.rows,
        "coverage_pct": -1.0 if unit.coverage_pct is None else unit.coverage_pct,
        "evidence": unit.evidence[0] if unit.evidence else "",
    }
    return dg.TableRecord(values)
