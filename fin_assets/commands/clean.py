"""`fin clean`: remove what the section [retention] no longer keeps, or say how much that would free."""

from __future__ import annotations

from rich.table import Table as Grid

from fin_assets.commands.args import console, project


def clean(*, dry_run: bool) -> None:
    """Remove files and runs that are older than the settings keep them; with `dry_run` only say what they are."""
    import dagster as dg

    from fin_assets.commands.dagster_home import prepare_instance
    from fin_assets.warehouse import cleaning

    settings, _ = project()
    prepare_instance(settings)
    with dg.DagsterInstance.get() as instance:
        found = (cleaning.what_can_go if dry_run else cleaning.clean)(settings, instance)
    grid = Grid(title="Would be removed" if dry_run else "Removed", title_justify="left")
    for name in ("kind", "number", "MB"):
        grid.add_column(name, justify="left" if name == "kind" else "right")
    for kind, count, size in found.rows:
        grid.add_row(kind, f"{count:,}", f"{size / 1e6:,.1f}")
    grid.add_row("all", f"{sum(count for _, count, _ in found.rows):,}", f"{found.bytes / 1e6:,.1f}")
    console.print(grid)
    console.print(
        "Raw answers, manifests, and all that current rows and kept builds need stay. How long the rest is kept: [retention] in "
        "fin.toml",
        soft_wrap=True,
        markup=False,
    )
