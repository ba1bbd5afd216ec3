"""docs/sandbox.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from fin_assets.sandbox import FaultKind, Sandbox, SandboxConfig, load_behaviour
from fin_assets.sandbox.__main__ import _parser, parse_fault
from fin_assets.sandbox.discovery import sites
from fin_assets.sandbox.options import flags_of
from fin_assets.sandbox.sites.hkex_southbound.dataset import COLUMNS

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "sandbox.md").read_text(encoding="utf-8")


def documented_options(name: str) -> list[tuple[str, str]]:
    """Return each documented option of a site and what stands in the column of its flags."""
    page = (DOCS / "sources" / f"{name}.md").read_text(encoding="utf-8")
    table = re.split(r"^`\[sandbox\.sites\.\w+\]`", page, flags=re.MULTILINE)[1].split("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \| ?([^|]*?) ?\|", table, flags=re.MULTILINE)


def test_every_option_is_in_the_tables_and_no_other() -> None:
    options = {string for action in _parser()._actions for string in action.option_strings if string.startswith("--")}
    documented = set(re.findall(r"^\| `(--[a-z-]+)` \|", TEXT, flags=re.MULTILINE))
    for name in sites():
        documented |= {flag for _, flags in documented_options(name) for flag in re.findall(r"`(--[a-z-]+)`", flags)}
    assert documented == options - {"--help"}


def test_every_option_of_a_site_is_in_the_page_of_its_source_beside_its_flag_and_no_other() -> None:
    for name, site in sites().items():
        documented = dict(documented_options(name))
        assert documented.keys() == site.options.model_fields.keys()
        flags = {flag.key: flag.flag.name for flag in flags_of(name, site.options)}
        assert {key: text.split("`")[1] for key, text in documented.items() if text} == flags


def test_every_option_of_a_site_has_a_description() -> None:
    for site in sites().values():
        assert all(field.description for field in site.options.model_fields.values())


def test_every_fault_is_in_the_table_and_no_other() -> None:
    table = TEXT.split("| kind | what a client sees")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([a-z_]+)`", table, flags=re.MULTILINE) == list(FaultKind)


def test_the_behaviour_file_of_the_docs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "behaviour.toml"
    path.write_text(TEXT.split("```toml\n")[1].split("```")[0])
    faults, latencies = load_behaviour(path)
    assert [fault.kind for fault in faults] == [FaultKind.RATE_LIMITED, FaultKind.HALF_TABLE]
    assert len(latencies) == 2


def test_the_faults_of_the_command_line_in_the_docs_are_read() -> None:
    assert [parse_fault(text).kind for text in re.findall(r'--fault "?(kind=[^`" ]+)', TEXT)] == [
        FaultKind.RESET,
        FaultKind.STALE_DATE,
    ]


def test_the_code_of_the_docs_runs(capsys) -> None:
    names: dict[str, object] = {}
    exec(TEXT.split("```python\n")[1].split("```")[0], names)  # noqa: S102 - the docs' own example
    assert isinstance(names["config"], SandboxConfig)
    names["synchronous"]()  # type: ignore[operator]
    assert "/hkexnews" in capsys.readouterr().out


def test_the_dataset_header_and_the_control_paths_are_those_of_the_code() -> None:
    assert ",".join(COLUMNS) in TEXT
    app = Sandbox(SandboxConfig())._app()
    served = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/__sandbox__") and route.method != "HEAD"
    }
    assert set(re.findall(r"^\| `([A-Z]+ /__sandbox__[^`]*)`", TEXT, flags=re.MULTILINE)) == served
