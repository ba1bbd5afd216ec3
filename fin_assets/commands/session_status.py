"""`fin status SOURCE --session DATE`: one session in full, each unit that is missing with its reason. Reads manifests only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from fin_assets.commands.args import console, project, say
from fin_assets.core.contract.manifest import UnitState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fin_assets.commands.status import Row
    from fin_assets.core.contract.manifest import Manifest, UnitRecord

LOWEST = 3
"""Units of the lowest coverage that are named."""

INDENT = (0, 0, 0, 4)

OWN_LINE = 3
"""Units that share a reason to the letter are listed behind it once there are more than this."""


@dataclass(frozen=True, slots=True)
class Left:
    """A unit that a session still lacks: its state, the kind of failure, the reason, and what mends it."""

    unit: str
    state: str
    kind: str | None
    attempts: int
    reason: str
    remedy: str | None
    evidence: tuple[str, ...]


def left_of(manifest: Manifest) -> tuple[Left, ...]:
    """Return the units that a manifest still lacks, by name."""
    return tuple(
        Left(
            unit.unit,
            unit.state.value,
            unit.error_kind,
            unit.attempts,
            unit.error or "not asked for yet",
            unit.remedy,
            unit.evidence,
        )
        for unit in sorted(manifest.unfinished(), key=lambda unit: unit.unit)
    )


def print_session(rows: list[Row], manifests: dict[str, Manifest]) -> None:
    """Print the tables of one session, then each missing unit with its reason, tables in the source's order."""
    grid = Grid(title=f"Session {rows[0].session} of {rows[0].source}", title_justify="left")
    for name in ("table", "state", "units", "missing", "proven empty", "rows", "attempts", "requests", "next attempt"):
        grid.add_column(name, justify="left" if name in {"table", "state", "next attempt"} else "right")
    for row in rows:
        found = manifests.get(row.table)
        empty = sum(unit.state is UnitState.EMPTY_CONFIRMED for unit in found.units) if found else 0
        grid.add_row(
            row.table,
            row.state,
            f"{row.units:,}" if found or row.units else "?",
            f"{len(found.unfinished()) if found else row.units:,}",
            f"{empty:,}",
            f"{row.rows:,}",
            str(row.attempts),
            f"{found.requests if found else 0:,}",
            row.next_retry_at or "",
        )
    console.print(grid)
    for row in rows:
        found = manifests.get(row.table)
        if found is not None:
            _print_coverage(found)
        if found is not None and found.unfinished():
            _print_left(row, found)
        elif row.why:
            console.print(f"{row.table}: {row.why}", soft_wrap=True)
    bad = [row for row in rows if row.state not in {"complete", "closed", "provisional"}]
    if bad:
        where = f"--session {rows[0].session}"
        advice = list(dict.fromkeys(row.remedy or f"fin run {row.source} {where}" for row in bad))
        for each in advice:
            say(f"what to do: {each}")
        say(f"docs/runbook.md and docs/sources/{rows[0].source}.md explain each kind")


def _print_coverage(manifest: Manifest) -> None:
    """Print the coverage of the least complete pages, where the source knows it."""
    known = sorted((unit.coverage_pct, unit.unit) for unit in manifest.units if unit.coverage_pct is not None)
    if known:
        lowest = ", ".join(f"{pct:.1f} % {unit}" for pct, unit in known[:LOWEST])
        console.print(f"{manifest.table}: {len(known)} units with a known coverage, lowest {lowest}", soft_wrap=True)


def _print_left(row: Row, manifest: Manifest) -> None:
    lacking = manifest.unfinished()
    kinds = Counter(unit.error_kind or unit.state.value for unit in lacking)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    say(f": {len(lacking)} of {len(manifest.units)} units are missing: {told}", first=f"\n{row.table}", style="bold")
    for kind, reason, units in _grouped(lacking):
        line = Text(f"{kind}  ", style="red")
        if len(units) == 1:
            console.print(line.append(f"{units[0].unit}: {reason}", style="default"), soft_wrap=True)
        else:
            names, suffix = _shortened([unit.unit for unit in units])
            several = f"{len(units)} units{f' (each {suffix})' if suffix else ''}: {reason}"
            console.print(line.append(several, style="default"), soft_wrap=True)
            console.print(Padding(Text(" ".join(names)), INDENT, expand=False))
        evidence = next((path for unit in units for path in unit.evidence), None)
        if evidence is not None:
            shown = Text(f"    evidence: {project()[0].data / evidence}", style="dim")
            console.print(shown, soft_wrap=True)


def _shortened(units: list[str]) -> tuple[list[str], str]:
    """Return the names without what all of them end with after the first slash, and that ending."""
    endings = {unit.partition("/")[2] for unit in units}
    ending = endings.pop() if len(endings) == 1 else ""
    return ([unit.removesuffix(f"/{ending}") for unit in units], f"/{ending}") if ending else (units, "")


def _grouped(units: Iterable[UnitRecord]) -> list[tuple[str, str, list[UnitRecord]]]:
    """Return kind, reason and units, those with the commonest reason last; few with the same reason stay one by one."""
    groups: dict[tuple[str, str], list[UnitRecord]] = {}
    for unit in sorted(units, key=lambda unit: unit.unit):
        kind, reason = unit.error_kind or unit.state.value, unit.error or "not asked for yet"
        groups.setdefault((kind, _without_name(reason, unit.unit)), []).append(unit)
    found = []
    for (kind, reason), members in groups.items():
        if len(members) > OWN_LINE:
            found.append((kind, reason, members))
        else:
            found += [(kind, _without_name(member.error or reason, member.unit), [member]) for member in members]
    return sorted(found, key=lambda each: (len(each[2]), each[2][0].unit))


def _without_name(reason: str, unit: str) -> str:
    """Return a reason without the name of its own unit in front, so that the same reason of two units is the same."""
    return reason.removeprefix(f"{unit}: ").removeprefix(f"{unit.partition('/')[0]}: ")
