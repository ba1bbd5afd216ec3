"""The module that `workspace.yaml` names. It only calls: importing `definitions` alone reads no settings."""

from __future__ import annotations

from fin_assets.definitions import build_definitions

defs = build_definitions()
