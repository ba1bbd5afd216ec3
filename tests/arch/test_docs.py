"""The documents against the code: keys, commands, checks, failures, targets, links."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel
from typer.main import get_command

from fin_assets.cli import app
from fin_assets.core.collection.findings import RAW_CHECKS, STAGED_CHECKS, WARNING_CHECKS
from fin_assets.core.contract import failures
from fin_assets.core.contract.source import Source
from fin_assets.core.orchestration.assets import CLOSED_DAYS
from fin_assets.core.orchestration.monitoring import WATCHES
from fin_assets.discovery import discover
from fin_assets.settings import Settings, SourceSettings
from tests.arch.tree import ROOT, files, relative

DOCS = [path for path in files() if path.suffix == ".md"]
COMMANDS = get_command(app).commands


def read(name: str) -> str:
    """Return a document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, start: str, end: str | None = None) -> str:
    """Return what stands between two marks."""
    after = text.split(start, 1)[1]
    return after.split(end, 1)[0] if end else after


def table_keys(text: str) -> set[str]:
    """Return what stands in code in the first column of the tables."""
    return set(re.findall(r"^\| `([a-z_.]+)` \|", text, flags=re.MULTILINE))


def keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the dotted keys of a settings model."""
    found = set()
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys(field.annotation, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


def sources() -> list[Source]:
    """Return every source with its defaults."""
    return discover(Settings(home=Path("no-such-home")))


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    text = read("docs/configuration.md")
    assert table_keys(section(text, "## Keys", "Every source has")) == keys(Settings) - {"home", "sources"}
    assert table_keys(section(text, "Every source has", "\n## ")) == keys(SourceSettings)
    for source in sources():
        own = keys(type(source.settings)) - keys(SourceSettings)
        page = section(read(f"docs/sources/{source.name}.md"), "## Settings", "\n## ")
        assert f"`[sources.{source.name}]`" in page
        assert table_keys(page) == own


def test_the_documented_defaults_are_the_defaults() -> None:
    text = read("docs/configuration.md")
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)` \|", section(text, "## Keys", "\n## "), flags=re.MULTILINE))
    settings, source = Settings(home=Path()), SourceSettings()
    for key, documented in rows.items():
        value: object = source if "." not in key and key in SourceSettings.model_fields else settings
        for part in key.split("."):
            value = getattr(value, part)
        shown = {"True": "true", "False": "false"}.get(str(value), str(value))
        number = getattr(value, "total_seconds", lambda value=value: value)()
        assert documented == shown or float(documented) == float(number), key


def test_the_example_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    from fin_assets.settings import load

    monkeypatch.setenv("FIN_CONFIG", str(ROOT / "fin.example.toml"))
    assert discover(load(ROOT))


def test_every_command_is_documented_has_help_and_an_example_and_every_documented_one_exists() -> None:
    documented = set(re.findall(r"^\| `fin ([a-z-]+)` \|", read("docs/configuration.md"), flags=re.MULTILINE))
    assert documented == set(COMMANDS)
    for name, command in COMMANDS.items():
        assert command.help, name
        assert (command.epilog or "").startswith(f"Example: fin {name}"), name
        for option in command.params:
            assert getattr(option, "help", None), f"{name} {option.name}"


@pytest.mark.parametrize("document", DOCS, ids=relative)
def test_every_fin_command_in_a_document_exists_with_its_options(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for name, rest in re.findall(
        r"(?:^ {4}|`|; |\$ )(?:FIN_\w+=\S+ )*fin ([a-z][a-z-]+)([^`\n#]*)", text, flags=re.MULTILINE
    ):
        assert name in COMMANDS, f"{relative(document)}: fin {name}"
        known = {option for param in COMMANDS[name].params for option in (*param.opts, *param.secondary_opts)} | {
            "--help"
        }
        options = re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest.split('"')[0])
        assert set(options) <= known, f"{relative(document)}: fin {name}{rest}"


def kinds(module: ModuleType) -> set[str]:
    """Return the kinds of failures that a module defines."""
    return {
        each.kind
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, failures.CollectionFailure)
        and each.__module__ == module.__name__
    }


def test_every_check_and_every_failure_has_a_heading_in_the_runbook() -> None:
    headings = set(re.findall(r"^## (\S+)$", read("docs/runbook.md"), flags=re.MULTILINE))
    assert {*RAW_CHECKS, *STAGED_CHECKS, *WARNING_CHECKS, *WATCHES, CLOSED_DAYS, "marts"} | (
        kinds(failures) - {"failed"}
    ) <= headings


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_every_check_and_every_failure_of_a_source_alone_has_a_heading_in_its_page(source: Source) -> None:
    runbook = section(read(f"docs/sources/{source.name}.md"), "\n## Runbook\n")
    headings = set(re.findall(r"^### (\S+)$", runbook, flags=re.MULTILINE))
    names = {name for table in source.tables for name in table.checks}
    if (ROOT / "fin_assets" / "sources" / source.name / "failures.py").exists():
        names |= kinds(importlib.import_module(f"fin_assets.sources.{source.name}.failures"))
    assert names <= headings


def test_the_shared_documents_explain_no_check_of_a_single_source() -> None:
    runbook = read("docs/runbook.md")
    own = {name for source in sources() for table in source.tables for name in table.checks}
    assert not own & set(re.findall(r"^#+ (\S+)$", runbook, flags=re.MULTILINE))


def test_every_test_of_the_marts_is_explained_in_the_runbook() -> None:
    tests = {
        name
        for path in (ROOT / "dbt_project" / "tests").rglob("*.sql")
        for name in re.findall(r"{% test (\w+)", path.read_text(encoding="utf-8"))
    }
    assert tests
    assert tests <= set(
        re.findall(r"^\| `(\w+)` \|", section(read("docs/runbook.md"), "## marts", "# Failures"), flags=re.MULTILINE)
    )


def test_every_make_target_that_is_mentioned_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", read("Makefile"), flags=re.MULTILINE))
    for document in DOCS:
        for target in re.findall(
            r"(?:^ {4}|`)make ([a-z][a-z-]*)", document.read_text(encoding="utf-8"), flags=re.MULTILINE
        ):
            assert target in targets, f"{relative(document)}: make {target}"


def anchor(heading: str) -> str:
    """Return the fragment of a heading, as a forge makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCS, ids=relative)
def test_relative_links_resolve(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://127.0.0.1", "mailto:")):
            continue
        path, _, fragment = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), f"{relative(document)}: {target}"
        if fragment and linked.suffix == ".md":
            anchors = {
                anchor(heading)
                for heading in re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            }
            assert fragment in anchors, f"{relative(document)}: {target}"


@pytest.mark.parametrize("document", DOCS, ids=relative)
def test_files_that_a_document_names_exist(document: Path) -> None:
    pattern = r"`((?:fin_assets|docs|tests|scripts|dashboards|dbt_project)/[\w./-]+)`"
    for name in re.findall(pattern, document.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{relative(document)}: {name}"


def test_messages_that_point_to_a_document_point_to_one_that_exists() -> None:
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(ROOT / "fin_assets"):
            for name, fragment in re.findall(r"(docs/[a-z-]+\.md)(?:#([a-z_]+))?", path.read_text(encoding="utf-8")):
                assert (ROOT / name).exists(), f"{relative(path)}: {name}"
                if fragment:
                    assert f"## {fragment}\n" in read(name), f"{relative(path)}: {name}#{fragment}"
