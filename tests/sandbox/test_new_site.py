"""A new site is one folder: written here, found, served, configured, and misbehaving, without a change to a shared file."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command

from fin_assets.cli import app
from fin_assets.commands import sandbox_server as commands_site
from fin_assets.sandbox import Fault, FaultKind, Sandbox, SandboxConfig, SandboxError, discovery, sites
from fin_assets.sandbox.__main__ import _parser, site_options
from fin_assets.sandbox.discovery import site_named
from fin_assets.settings import Settings, SettingsError
from tests.sandbox.client import Reply, ask

NAME = "toy_prices"
DECLARATION = '''
"""Two price interfaces that want a key and keep a quota."""

from typing import Annotated

from pydantic import Field

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.options import Flag, SiteOptions
from fin_assets.sandbox.site import Site


class ToyOptions(SiteOptions):
    """The section `[sandbox.sites.toy_prices]`."""

    symbols: Annotated[int, Flag("--toy-symbols", "N")] = Field(default=3, ge=1, le=9, description="symbols")
    per_day: int = Field(default=4, ge=1, description="requests that a key may make in a day")
    open_door: Annotated[bool, Flag("--toy-open-door")] = Field(default=False, description="no key is asked for")


def _open(context, options):
    from fin_assets.sandbox.sites.toy_prices.site import ToySite

    return ToySite(context, options)


SITE = Site(
    title="Toy prices",
    prefixes=("/toy-a", "/toy-b"),
    options=ToyOptions,
    open=_open,
    faults=frozenset(FaultKind) - {FaultKind.STALE_DATE, FaultKind.WRONG_LOTS},
)
'''
SITE = '''
"""Which prices a request gets."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from aiohttp import web

from fin_assets.sandbox.rendered import NO_EDITS, Answer
from fin_assets.sandbox.site import OpenSite, Page


@dataclass(frozen=True, slots=True)
class Prices(Answer):
    content_type: ClassVar[str] = "application/json"
    key: str
    rows: tuple[dict, ...]

    @property
    def unit(self):
        return self.key

    @property
    def has_result(self):
        return bool(self.rows)

    def render(self, edits=NO_EDITS):
        rows = self.rows[: len(self.rows) // 2] if edits.half else self.rows
        if edits.renamed is not None:
            wanted = edits.renamed if edits.renamed in ToySite.columns else "price"
            rows = [{f"{k}_x" if k == wanted else k: v for k, v in row.items()} for row in rows]
        return json.dumps({"prices": list(rows)})

    def landing(self):
        return json.dumps({"prices": []})


class ToySite(OpenSite):
    columns = ("symbol", "price", "as_of")

    def __init__(self, context, options):
        self.context, self.options, self.used = context, options, Counter()

    def pages(self):
        return [Page(path=f"{prefix}/prices", answer=self.prices) for prefix in ("/toy-a", "/toy-b")]

    def facts(self):
        return {"symbols": self.options.symbols}

    def summary(self):
        return f"{self.options.symbols} symbols"

    async def prices(self, request):
        key, now = request.query.get("key"), self.context.now("UTC")
        if key is None and not self.options.open_door:
            return web.json_response({"error": "no key"}, status=401)
        self.used[key, now.date()] += 1
        if self.used[key, now.date()] > self.options.per_day:
            return web.json_response({"error": "quota"}, status=429, headers={"Retry-After": "86400"})
        rows = tuple({"symbol": f"T{n}", "price": 10 + n, "as_of": str(now.date())} for n in range(self.options.symbols))
        return Prices(f"toy:{now.date()}", rows)
'''


def forget() -> None:
    discovery.sites.cache_clear()
    for name in [name for name in sys.modules if name.startswith(f"{sites.__name__}.{NAME}")]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a new site, where the package of the sites is looked for as well."""
    written = tmp_path / NAME
    written.mkdir()
    (written / "__init__.py").write_text(textwrap.dedent(DECLARATION).lstrip(), encoding="utf-8")
    (written / "site.py").write_text(textwrap.dedent(SITE).lstrip(), encoding="utf-8")
    monkeypatch.setattr(sites, "__path__", [*sites.__path__, str(tmp_path)])
    forget()
    yield written
    forget()


def running(**options: object) -> Sandbox:
    return Sandbox(SandboxConfig(start=date(2026, 3, 2), end=date(2026, 3, 31), sites={NAME: options}))


def prices(site: Sandbox, prefix: str = "/toy-a", key: str = "k") -> Reply:
    return ask(f"{site.url}{prefix}/prices?key={key}")


@pytest.mark.usefixtures("folder")
def test_a_new_folder_answers_by_the_sandboxs_clock_with_its_own_key_and_quota() -> None:
    with running(symbols=2).run_in_thread() as site:
        reply = prices(site)
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        assert [row["as_of"] for row in json.loads(reply.text)["prices"]] == ["2026-03-31"] * 2
        assert ask(f"{site.url}/toy-a/prices").status == 401
        statuses = [prices(site, prefix).status for prefix in ("/toy-b", "/toy-a", "/toy-b", "/toy-a")]
        assert statuses == [200, 200, 200, 429]
        assert prices(site, key="other").status == 200
        assert [(r.key, r.is_unit, r.status) for r in site.requests][:2] == [
            ("toy:2026-03-31", True, 200),
            (None, False, 401),
        ]
        facts = json.loads(ask(f"{site.url}/__sandbox__/").text)["sites"][NAME]
        assert (facts["symbols"], facts["prefixes"], facts["data"]) == (2, ["/toy-a", "/toy-b"], "generated, seed 7")
        assert "Toy prices" in ask(f"{site.url}/").text


@pytest.mark.usefixtures("folder")
def test_faults_hit_a_new_site_on_the_transport_and_in_its_content() -> None:
    with running(per_day=100).run_in_thread() as site:
        whole = json.loads(prices(site).text)["prices"]
        for fault, status, rows in (
            (Fault(kind=FaultKind.UNAVAILABLE, match="toy:*"), 503, None),
            (Fault(kind=FaultKind.MISSING_PANEL), 200, []),
            (Fault(kind=FaultKind.HALF_TABLE), 200, whole[:1]),
            (Fault(kind=FaultKind.RENAMED_COLUMN), 200, [{**row, "price_x": row["price"]} for row in whole]),
            (Fault(kind=FaultKind.STALE_DATE), 200, whole),
        ):
            site.set_faults([fault])
            reply = prices(site)
            assert reply.status == status
            if rows is not None:
                kept = [{k: v for k, v in row.items() if k != "price" or "price_x" not in row} for row in rows]
                assert json.loads(reply.text)["prices"] == kept
        site.set_faults([Fault(kind=FaultKind.CONSENT_PAGE, match="/prices*")])
        terms = ask(site.url + prices(site, "/toy-b").headers["location"])
        assert terms.dom.css_first("form").attributes["action"] == "/toy-b/prices"
        with pytest.raises(SandboxError, match=r"column = 'nope' must be one of .*as_of"):
            site.set_faults([Fault(kind=FaultKind.RENAMED_COLUMN, column="nope")])


@pytest.mark.usefixtures("folder")
def test_options_of_a_new_site_are_checked_by_its_own_model_wherever_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"sandbox\.sites\.toy_prices: symbols: Input should be less than or equal"):
        running(symbols=10)
    with pytest.raises(SandboxError, match="unknown key 'symbol'; did you mean 'symbols'"):
        running(symbol=1)
    settings = Settings(home=tmp_path, sandbox={"sites": {NAME: {"symbols": "many"}}})
    with pytest.raises(SettingsError, match=r"sandbox\.sites\.toy_prices: symbols: Input should be a valid integer"):
        commands_site.site_options(settings)
    given = _parser().parse_args(["--toy-symbols", "4", "--no-toy-open-door", "--site-option", f"{NAME}.per_day=2"])
    assert site_options(given) == {NAME: {"symbols": "4", "open_door": False, "per_day": "2"}}
    config = SandboxConfig(sites=site_options(given))
    assert config.options(NAME).model_dump() == {"symbols": 4, "per_day": 2, "open_door": False}


def test_a_new_site_comes_from_the_environment_as_the_others_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIN_SANDBOX__SITES__TOY_PRICES__SYMBOLS", "8")
    settings = Settings(home=tmp_path, sandbox={"sites": {NAME: {"symbols": 2, "per_day": 9}}})
    assert commands_site.sandbox_config(settings).options(NAME).model_dump() == {
        "symbols": 8,
        "per_day": 9,
        "open_door": False,
    }
    assert folder.exists()


def test_a_folder_that_declares_no_site_or_a_prefix_that_is_taken_is_refused_by_name(folder: Path) -> None:
    declared = (folder / "__init__.py").read_text(encoding="utf-8")
    for text, complaint in (
        (declared.replace("SITE = ", "SIGHT = "), "sites/toy_prices declares no SITE"),
        (declared.replace("/toy-b", "/idx"), "idx_brokers and toy_prices both have the prefix /idx"),
        (declared.replace("/toy-b", "/__sandbox__"), "'/__sandbox__' cannot be a prefix"),
        (declared.replace("--toy-symbols", "--idx-tickers"), "both have the flag --idx-tickers"),
    ):
        (folder / "__init__.py").write_text(text, encoding="utf-8")
        forget()
        with pytest.raises(SandboxError, match=complaint):
            discovery.sites()


@pytest.mark.usefixtures("folder")
def test_a_page_outside_of_its_sites_prefixes_is_refused(folder: Path) -> None:
    written = folder / "site.py"
    written.write_text(written.read_text(encoding="utf-8").replace('"/toy-b")]', '"/other")]'), encoding="utf-8")
    with pytest.raises(SandboxError, match="/other/prices of Toy prices lies below none"), running().run_in_thread():
        pass


def test_no_shared_module_names_a_site() -> None:
    package = Path(discovery.__file__).parent
    shared = [
        *package.glob("*.py"),
        *(package / "pages").glob("*.py"),
        *Path(commands_site.__file__).parent.glob("*.py"),
    ]
    shared.append(package.parent / "settings.py")
    names = [*discovery.sites(), *(prefix for site in discovery.sites().values() for prefix in site.prefixes)]
    assert len(shared) > 20
    for path in shared:
        text = path.read_text(encoding="utf-8")
        assert not [name for name in names if name in text], path


def test_the_flags_of_the_command_line_are_those_that_the_sites_declare() -> None:
    declared = {flag.flag.name for flag in discovery.flags()}
    assert {
        "--dataset",
        "--history-months",
        "--idx-tickers",
        "--idx-dataset",
        "--idx-more",
        "--idx-page-cap",
    } == declared
    commands = get_command(app).commands  # type: ignore[attr-defined]
    offered = {
        name: {option for param in commands[name].params for option in param.opts} for name in ("sandbox", "demo")
    }
    assert declared < offered["sandbox"]
    assert declared & offered["demo"] == {"--dataset", "--idx-dataset"}
    assert "--no-idx-more" in {option for param in commands["sandbox"].params for option in param.secondary_opts}


def test_a_site_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(SandboxError, match=f"there is no such site; there are {', '.join(discovery.sites())}$"):
        site_named("nope")
