"""The home of Dagster below the data directory. Without an import of Dagster: what only starts servers needs none of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fin_assets.commands.args import repository
from fin_assets.commands.errors import Problem

if TYPE_CHECKING:
    from fin_assets.settings import Settings

HOME_VARIABLE = "DAGSTER_HOME"


def prepare_instance(settings: Settings) -> Path:
    """Make `<data>/dagster` the home of Dagster, unless DAGSTER_HOME says otherwise, and return it."""
    if os.environ.get(HOME_VARIABLE):
        return Path(os.environ[HOME_VARIABLE])
    home = (settings.data / "dagster").resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        # Where not even an administrator can make directories.
        msg = f"The data directory {settings.data} cannot be made: {error.strerror}."
        raise Problem(msg, "set data_dir in fin.toml to a directory that can be made") from error
    if not os.access(home, os.W_OK):
        # Before a sandbox or a browser is started for nothing.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(home))
    template = repository() / "dagster.yaml"
    text = template.read_text(encoding="utf-8") if template.exists() else "telemetry:\n  enabled: false\n"
    text = text.replace("base_dir: data/dagster", f"base_dir: {home.as_posix()}")
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    os.environ[HOME_VARIABLE] = str(home)
    return home
