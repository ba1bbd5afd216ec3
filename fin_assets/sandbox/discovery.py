"""Finds the sites: every folder of `sites/` is one. Nothing is registered.

A site's folder has the name of the source whose data it serves.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fin_assets.sandbox import sites as sites_package
from fin_assets.sandbox.errors import SandboxError
from fin_assets.sandbox.options import SiteFlag, flags_of
from fin_assets.sandbox.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

RESERVED = ("/__sandbox__", "/static")
"""Prefixes of the server itself."""


@lru_cache(maxsize=1)
def sites() -> Mapping[str, Site[Any]]:
    """Return every site by the name of its folder, sorted.

    Raises:
        SandboxError: a folder declares no `SITE`, or a prefix or flag that another has already.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(sites_package.__path__) if module.ispkg)
    found = {name: _declared(name) for name in names}
    _refuse_double("prefix", [(prefix, name) for name, site in found.items() for prefix in site.prefixes])
    _refuse_double("flag", [(flag.flag.name, flag.site) for flag in _flags(found)])
    return found


def site_named(name: str) -> Site[Any]:
    """Return one site.

    Raises:
        SandboxError: there is none; the message names those that exist.
    """
    try:
        return sites()[name]
    except KeyError:
        msg = f"sandbox.sites.{name}: there is no such site; there are {', '.join(sites())}"
        raise SandboxError(msg) from None


def flags() -> list[SiteFlag]:
    """Return the command-line flags that the sites declare, in the order of the sites."""
    return _flags(sites())


def parse_site_option(text: str) -> tuple[str, str, str]:
    """Read `SOURCE.KEY=VALUE`; return its parts. The value is checked with the other options of the site.

    Raises:
        SandboxError: it has another form, or there is no such site.
    """
    name, is_assigned, value = text.partition("=")
    site, has_key, key = name.strip().partition(".")
    if not (is_assigned and has_key and key):
        msg = f"--site-option {text!r} is not SOURCE.KEY=VALUE, such as {next(iter(sites()))}.dataset=FILE"
        raise SandboxError(msg)
    site_named(site)
    return site, key, value


def _flags(found: Mapping[str, Site[Any]]) -> list[SiteFlag]:
    return [flag for name, site in found.items() for flag in flags_of(name, site.options)]


def _declared(name: str) -> Site[Any]:
    site = getattr(importlib.import_module(f"{sites_package.__name__}.{name}"), "SITE", None)
    if not isinstance(site, Site):
        msg = f"sandbox: the folder sites/{name} declares no SITE; docs/sandbox.md says how a site is made"
        raise SandboxError(msg)
    wrong = [prefix for prefix in site.prefixes if not prefix.startswith("/") or prefix in RESERVED]
    if wrong:
        msg = f"sandbox: {wrong[0]!r} cannot be a prefix of sites/{name}: one begins with / and is none of {RESERVED}"
        raise SandboxError(msg)
    return site


def _refuse_double(what: str, owned: list[tuple[str, str]]) -> None:
    owners: dict[str, str] = {}
    for value, name in owned:
        other = owners.setdefault(value, name)
        if other != name:
            msg = f"sandbox: the sites {other} and {name} both have the {what} {value}; change one of them"
            raise SandboxError(msg)
