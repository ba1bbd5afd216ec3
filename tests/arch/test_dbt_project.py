"""The dbt project read as text: how far a changed session reaches, and what the shared files may not name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml
from sqlfluff.core import FluffConfig, Linter

from fin_assets.discovery import discover
from fin_assets.settings import Settings
from tests.arch.tree import ROOT

PROJECT = ROOT / "dbt_project"
MODELS = {path.stem: path for path in sorted((PROJECT / "models").rglob("*.sql"))}
AREAS = sorted(path.name for path in (PROJECT / "models" / "marts").iterdir() if path.is_dir())
LOOKS_BACK = re.compile(r"(?<!_)ordinal - (\d+)|between (\d+) preceding")
LOOKS_AHEAD = re.compile(r"ordinal \+ (\d+)")


@dataclass(frozen=True, slots=True)
class Reach:
    """Sessions around a changed one that a model recomputes, and whether the gate carries the change further."""

    back: int = 0
    forward: int = 0
    gate: bool = False


@cache
def linter() -> Linter:
    """Return the SQL linter with the project's settings: it renders Jinja with the project's macros."""
    return Linter(config=FluffConfig.from_root())


def render(text: str, name: str) -> str:
    """Return a template's SQL; `ref` gives the model's name, `source` the source's and the table's."""
    rendered = linter().render_string(text, name, linter().config, "utf8")
    assert not rendered.templater_violations, rendered.templater_violations
    return str(rendered.templated_variants[0])


@cache
def sql(model: str) -> str:
    """Return a model's SQL without comments."""
    return re.sub(r"--.*", "", render(MODELS[model].read_text(encoding="utf-8"), str(MODELS[model])))


@cache
def declared(model: str) -> Reach | None:
    """Return what a model declares as `meta.reach`; None without."""
    found = re.search(
        r"meta=(\{'reach': \{.*?\n    \}\}),\n", MODELS[model].read_text(encoding="utf-8"), flags=re.DOTALL
    )
    if found is None:
        return None
    reach = json.loads(render(f"{{{{ {found[1]} | tojson }}}}", model))["reach"]
    assert all(len(followed.split(".")) == 2 for followed in reach["follows"])
    return Reach(reach["back"], reach["forward"], reach["gate"])


@cache
def inherited(model: str) -> tuple[Reach, ...]:
    """Return the reaches of all that a model reads; through a full table or a view those of what that reads."""
    found: list[Reach] = []
    for parent in MODELS:
        if parent not in {model, "int__scope"} and re.search(rf"\b{parent}\b", sql(model)):
            own = declared(parent) if is_incremental(parent) else None
            found += [own] if own else inherited(parent)
    return tuple(found)


def is_incremental(model: str) -> bool:
    """Return whether a model is incremental by session."""
    return "incremental_strategy='by_session'" in MODELS[model].read_text(encoding="utf-8")


INCREMENTAL = [model for model in MODELS if is_incremental(model)]


@pytest.mark.parametrize("model", INCREMENTAL)
def test_an_incremental_model_declares_a_reach_that_covers_all_it_looks_at(model: str) -> None:
    reach = declared(model)
    assert reach is not None
    looked_back = [int(one or other) for one, other in LOOKS_BACK.findall(sql(model))]
    assert reach.forward >= max(looked_back, default=0)
    assert reach.back >= max(map(int, LOOKS_AHEAD.findall(sql(model))), default=0)
    parents = inherited(model)
    assert reach.forward >= max((parent.forward for parent in parents), default=0)
    assert reach.back >= max((parent.back for parent in parents), default=0)
    assert reach.gate >= any(parent.gate for parent in parents)


def test_the_check_of_the_reach_sees_windows_and_parents() -> None:
    assert {int(one or other) for one, other in LOOKS_BACK.findall(sql("hk__unusual_changes"))} >= {60}
    assert Reach(0, 90, gate=True) in inherited("hk__unusual_changes")
    # Through the view's macro and the full table of adjustments.
    assert declared("int_idx__events") in inherited("idx__market_totals")


def test_archived_files_are_opened_as_far_as_the_models_that_read_them_reach() -> None:
    for path in (PROJECT / "models" / "sources").rglob("*.yml"):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            for table in source["tables"]:
                archive = table.get("config", {}).get("meta", {}).get("archive")
                if archive is None:
                    continue
                readers = [declared(model) for model in MODELS if f"{source['name']}_{table['name']}" in sql(model)]
                reaches = [max(reach.back, reach.forward) for reach in readers if reach]
                assert archive["reach_sessions"] == max(reaches)


def area_of(model: str) -> str | None:
    """Return the area that owns a model, or None."""
    folder = MODELS[model].parent.name
    return folder if (PROJECT / "models/sources" / folder).is_dir() else None


def test_models_of_an_area_read_no_model_and_no_source_of_another() -> None:
    """A build leaves out the areas whose own sources have not changed."""
    owners = {
        source["name"]: file.parent.name
        for file in (PROJECT / "models/sources").glob("*/*.yml")
        for source in yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
    }
    assert set(owners.values()) == {area for area in map(area_of, MODELS) if area}
    found = []
    for model, path in MODELS.items():
        text = path.read_text(encoding="utf-8")
        read = {area_of(name) for name in re.findall(r"ref\('(\w+)'\)", text) if name in MODELS}
        read |= {owners.get(name) for name in re.findall(r"source\('(\w+)', ", text)}
        own = area_of(model)
        found += [f"{model} of {own} reads {area}" for area in read - {None, own} if own]
    assert found == []


def shared_files() -> list[Path]:
    """Return the files of the project that lie in no area's folder."""
    return [
        path
        for path in sorted(PROJECT.rglob("*"))
        if path.suffix in {".sql", ".yml", ".csv"}
        and not {"target", "logs", *AREAS} & set(path.relative_to(PROJECT).parts[:-1])
    ]


def test_what_no_area_owns_names_no_area_and_no_source() -> None:
    names = {*AREAS, *(source.name for source in discover(Settings(home=Path("no-such-home"))))} - {"ops"}
    shared = shared_files()
    assert PROJECT / "dbt_project.yml" in shared
    found = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in shared
        for name in sorted(names)
        if re.search(rf"(?<![a-z]){name}(?![a-z])", path.read_text(encoding="utf-8"))
    ]
    assert found == []
