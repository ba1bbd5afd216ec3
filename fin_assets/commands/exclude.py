"""`fin exclude`: leave one wrong answer out of the marts, with a reason, and take it back in."""

from __future__ import annotations

from fin_assets.commands.args import a_date, chosen_sources, chosen_tables, console, project
from fin_assets.commands.errors import EXIT_USAGE, Problem


def exclude(source: str, *, table: str, session: str, unit: str, reason: str | None, undo: bool, marts: bool) -> None:
    """Stage a partition again without a unit, or with it again, then build the marts."""
    from fin_assets.core.collection import exclusions
    from fin_assets.core.collection.finalize import Finalizer, baseline_around
    from fin_assets.core.contract.manifest import PartitionKey
    from fin_assets.core.storage.store import store_of

    if not undo and not reason:
        raise Problem(
            "An answer is excluded only with a reason.", 'say why: --reason "price of another share"', EXIT_USAGE
        )
    (found,) = chosen_sources(source)
    (chosen,) = chosen_tables(found, [table])
    day = a_date(session, "--session")
    if day is None:
        raise Problem("No session was given.", "name it: --session YYYY-MM-DD", EXIT_USAGE)
    store = store_of(project()[0])
    baseline = baseline_around(chosen, [day], source=found.name, store=store)
    finalizer, key = Finalizer(found, chosen, store, baseline), PartitionKey(found.name, chosen.name, day)
    try:
        if undo:
            result = exclusions.include(finalizer, key, unit)
        else:
            result = exclusions.exclude(finalizer, key, unit, reason=reason or "")
    except exclusions.NothingToExclude as error:
        raise Problem(f"{error}.", f"fin status {found.name} --session {day} lists the units", EXIT_USAGE) from error
    rows = result.manifest.staged.rows if result.manifest.staged else 0
    state = "is included again" if undo else f"is excluded ({reason})"
    console.print(f"{unit} of {key} {state}: {rows:,} rows are staged; the stored answer is kept", soft_wrap=True)
    if marts:
        from fin_assets.commands.build import build_and_tell

        build_and_tell(full_refresh=False)
