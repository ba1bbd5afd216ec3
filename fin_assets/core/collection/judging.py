"""Row counts judged again: a sealed session gets another verdict as more sessions around it become known (H6).

With fewer than five whole sessions a count cannot be judged, and the partition is provisional. Every attempt at a table judges
the sealed sessions in reach of what it has collected, so that the order in which sessions arrive makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from fin_assets import clock
from fin_assets.core.collection.acceptance import row_band
from fin_assets.core.collection.row_baseline import ENOUGH, REACH, Judgement, RowBaseline
from fin_assets.core.contract.manifest import Manifest, PartitionState, UnitState
from fin_assets.core.contract.source import Finding, Nothing, Sibling, Table

CHECK = "row_count_in_band"
"""The staged check that this verdict is the outcome of."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Row counts of one partition beside their reference.

    Attributes:
        judgements: of each fetched unit.
        unjudged: units that will be judged once enough sessions are known.
    """

    judgements: tuple[Judgement, ...]
    unjudged: tuple[str, ...]

    @property
    def out_of_band(self) -> list[Judgement]:
        """The units that have too few rows, or too many."""
        return [one for one in self.judgements if not one.in_band]

    @property
    def half(self) -> tuple[str, ...]:
        """The units that have too few rows."""
        return tuple(one.unit for one in self.judgements if one.short)


def verdict(table: Table, manifest: Manifest, baseline: RowBaseline) -> Verdict:
    """Judge the row counts of a complete partition; of a table without a row band, nothing is judged."""
    if row_band(table) is None or manifest.state is not PartitionState.COMPLETE:
        return Verdict((), ())
    judged = tuple(
        baseline.judge(unit.unit, manifest.session, unit.rows)
        for unit in manifest.units
        if unit.state is UnitState.FETCHED
    )
    unknown = tuple(one.unit for one in judged if one.median is None)
    return Verdict(judged, unknown if unknown and _will_be_judged(table, manifest.session) else ())


def finding(manifest: Manifest, found: Verdict) -> Finding:
    """Return the finding of the check `row_count_in_band`."""
    judged, out = found.judgements, found.out_of_band
    unknown = sum(one.median is None for one in judged)
    summary = f"{len(judged) - unknown} of {len(judged)} units judged, all in band" if judged else "no units"
    if found.unjudged:
        summary = (
            f"provisional: {len(judged) - unknown} of {len(judged)} units judged; the others are judged by themselves as soon as "
            f"{ENOUGH} whole sessions around this one are known"
        )
    return Finding(
        passed=not out,
        summary=_told(manifest, out) if out else summary,
        numbers={
            "units": len(judged),
            "out_of_band": len(out),
            "half": len(found.half),
            "without_reference": unknown,
            "provisional": len(found.unjudged),
        },
    )


def rejudged(table: Table, manifests: Iterable[Manifest], baseline: RowBaseline) -> list[tuple[Manifest, Verdict]]:
    """Return the sealed partitions whose verdict is another one than their manifest says, with the new manifest."""
    changed = []
    for manifest in manifests:
        if manifest.state is not PartitionState.COMPLETE or manifest.staged is None:
            continue
        found = verdict(table, manifest, baseline)
        now = judged_by(manifest, found)
        if now != manifest:
            changed.append((now, found))
    return changed


def judged_by(manifest: Manifest, found: Verdict) -> Manifest:
    """Return the manifest with a verdict in it; the outcomes of other checks stay."""
    others = [name for name in manifest.blocked_by if name != CHECK]
    blocked = tuple(sorted([*others, CHECK] if found.out_of_band else others))
    return manifest.model_copy(update={"blocked_by": blocked, "unjudged": found.unjudged, "half": found.half})


def _will_be_judged(table: Table, session: date) -> bool:
    """Return whether enough sessions can become known around one: of quarterly lists, they never do."""
    today = clock.today(table.calendar.timezone)
    days = [day for day in table.calendar.sessions(session - REACH, session + REACH) if day != session]
    # Of a past day that the site no longer shows, nothing is expected.
    possible = [day for day in days if day > today or not isinstance(table.expected(day, _not_read), Nothing)]
    return len(possible) >= ENOUGH


def _not_read(table: str) -> Sibling:
    return Sibling(state="missing", reason=f"{table} is not read")


def _told(manifest: Manifest, out: list[Judgement]) -> str:
    units = "; ".join(
        f"{one.unit}: {one.rows} rows, median {one.median:g} of {one.sessions} sessions" for one in out[:5]
    )
    short = any(one.short for one in out)
    setting = "row_count_below" if short else "row_count_above"
    ask = f"Fetch the short ones again: fin heal {manifest.source} --from {manifest.session}. " if short else ""
    again = f"fin reparse {manifest.source} --from {manifest.session} --to {manifest.session}"
    return (
        f"{units}. {ask}If that is true, widen the row band of {manifest.source} in fin.toml ({setting}), then: {again}"
    )
