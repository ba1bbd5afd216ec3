"""Command-line options that the sites of the sandbox declare, as options of a command. No site is named here."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fin_assets.sandbox.options import SiteFlag

SiteValues = dict[str, dict[str, Any]]
"""Options by site and key, as they were given."""


def site_flags(*, only: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags that the sites declare; its parameter `site_values` gets the given values.

    Args:
        only: the key of the only option whose flags are meant, of every site.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        declared = [flag for flag in _declared(command.__name__) if only in (None, flag.key)]

        @wraps(command)
        def with_flags(**values: Any) -> None:
            given: SiteValues = {}
            for flag in declared:
                value = values.pop(flag.dest)
                if value is not None:
                    given.setdefault(flag.site, {})[flag.key] = value
            command(**values, site_values=given)

        own = inspect.signature(command, eval_str=True)
        kept = [parameter for name, parameter in own.parameters.items() if name != "site_values"]
        signature = own.replace(parameters=[*kept, *(_parameter(flag) for flag in declared)])
        with_flags.__signature__ = signature  # type: ignore[attr-defined]
        with_flags.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
        return with_flags

    return decorate


def _declared(command: str) -> Sequence[SiteFlag]:
    """Return the flags of all sites; none where `fin` runs another command, whose start would wait for their models."""
    if Path(sys.argv[0]).name == "fin" and command not in sys.argv[1:]:
        return ()
    from fin_assets.sandbox.discovery import flags

    return flags()


def _parameter(flag: SiteFlag) -> inspect.Parameter:
    """Return the parameter of a flag; its value is checked by the site's own model, so that the error names the flag."""
    name = flag.flag.name

    def checked(value: Any) -> Any:
        from fin_assets.sandbox.discovery import site_named
        from fin_assets.sandbox.options import problem_with

        problem = None if value is None else problem_with(site_named(flag.site).options, flag.key, value)
        if problem is not None:
            raise typer.BadParameter(problem)
        return value

    option = typer.Option(
        f"{name}/--no-{name.removeprefix('--')}" if flag.is_bool else name,
        help=f"{flag.site}: {flag.description}.",
        metavar=None if flag.is_bool else flag.flag.metavar,
        callback=checked,
    )
    kind = bool if flag.is_bool else str
    return inspect.Parameter(
        flag.dest, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def merged(*many: SiteValues) -> SiteValues:
    """Return the options of all, where a later one wins."""
    found: SiteValues = {}
    for values in many:
        for site, options in values.items():
            found[site] = {**found.get(site, {}), **options}
    return found


def flag_of(site: str, key: str) -> str:
    """Return what sets an option of a site on the command line: its own flag, or `--site-KEY SITE=`."""
    from fin_assets.sandbox.discovery import flags

    own = [flag.flag.name for flag in flags() if (flag.site, flag.key) == (site, key)]
    return own[0] if own else f"--site-{key} {site}="
