"""The home of Dagster below the data directory. Without an import of Dagster: what only starts servers needs none of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fin_assets.commands.args import repository

if TYPE_CHECKING:
    from fin_assets.settings import Settings

HOME_VARIABLE = "DAGSTER_HOME"


def prepare_instance(settings: Settings) -> Path:
    """Make `<data>/dagster` the home of Dagster, unless DAGSTER_HOME says otherwise, and return it."""
    if os.environ.get(HOME_VARIABLE):
        return Path(os.environ[HOME_VARIABLE])
    home = (settings.data / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    template = repository() / "dagster.yaml"
    text = template.read_text(encoding="utf-8") if template.exists() else "telemetry:\n  enabled: false\n"
    text = text.replace("base_dir: data/dagster", f"base_dir: {home.as_posix()}")
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    os.environ[HOME_VARIABLE] = str(home)
    return home
