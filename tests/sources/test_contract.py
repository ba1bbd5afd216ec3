"""The contract suite, over every source that is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from fin_assets.core.contract.source import Source, Table
from fin_assets.discovery import discover
from fin_assets.settings import Settings
from tests.sources.contract import RULES, Rule, loads_in_dagster

SOURCES = discover(Settings(home=Path("no-such-home")))
TABLES = [
    pytest.param(source, table, id=f"{source.name}/{table.name}") for source in SOURCES for table in source.tables
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize(("source", "table"), TABLES)
def test_every_table_of_every_source_keeps_the_contract(source: Source, table: Table, rule: Rule) -> None:
    rule(source, table)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_source_loads_in_dagster(source: Source) -> None:
    loads_in_dagster(source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_live_source_is_slower_and_asks_addresses_of_its_own(source: Source) -> None:
    settings = Settings(home=Path("no-such-home"), sources={source.name: {"mode": "live"}})
    [live] = [found for found in discover(settings) if found.name == source.name]
    sandbox = {site.name: site for site in source.sites}
    for site in live.sites:
        assert site.mode == "live"
        assert site.base_url.startswith("https://")
        assert site.base_url != sandbox[site.name].base_url
        assert site.rate_per_second <= 1, "a site of others is not asked more than once a second"
        assert site.workers <= 2


def test_no_two_sources_have_a_site_of_one_name() -> None:
    names = [site.name for source in SOURCES for site in source.sites]
    assert len(set(names)) == len(names), "quotas and indexes of inboxes are kept by the name of the site"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_source_has_the_same_files(source: Source) -> None:
    folder = Path(__file__).resolve().parents[2] / "fin_assets" / "sources" / source.name
    assert {"__init__.py", "source.py", "fetch.py", "parse.py", "schema.py", "stage.py"} <= {
        path.name for path in folder.iterdir()
    }


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_site_of_a_source_gets_its_secrets_and_its_allowed_hosts(source: Source) -> None:
    section = {"secrets": {"key": "hunter2"}, "allowed_hosts": ["files.example.com"]}
    [found] = [each for each in discover(Settings(home=Path("no-such-home"), sources={source.name: section}))
               if each.name == source.name]  # fmt: skip
    for site in found.sites:
        assert [secret.get_secret_value() for secret in site.secrets] == ["hunter2"]
        assert "files.example.com" in site.hosts
