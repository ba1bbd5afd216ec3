"""Finds the sources: every folder in `fin_assets/sources` that has a `source.py`. Knows none by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from fin_assets import sources as sources_package
from fin_assets.settings import SettingsError

if TYPE_CHECKING:
    from fin_assets.core.contract.source import Source
    from fin_assets.settings import Settings


def discover(settings: Settings) -> list[Source]:
    """Return every enabled source, by name.

    Raises:
        SettingsError: a source's section of the settings is wrong, or belongs to no source.
    """
    names = source_names()
    unknown = sorted(set(settings.sources) - set(names))
    if unknown:
        msg = f"sources.{unknown[0]}: there is no such source; there are {', '.join(names)}"
        raise SettingsError(msg)
    found = [importlib.import_module(f"{sources_package.__name__}.{name}.source").source(settings) for name in names]
    return [source for source in found if source.settings.enabled]


def source_names() -> list[str]:
    """Return the names of the folders in `fin_assets/sources`, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(sources_package.__path__) if module.ispkg)
