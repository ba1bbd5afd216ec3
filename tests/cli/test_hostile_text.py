"""Words of sites, files and people pass every printer as they are: no markup, no control sequence, no error."""

from __future__ import annotations

import io
import json
from datetime import date

import pytest
from rich.table import Table as Grid

from fin_assets.commands.args import a_console, project
from fin_assets.commands.errors import Problem
from fin_assets.commands.progress import Display
from fin_assets.core.collection.fetch_jobs import Event
from fin_assets.core.contract.failures import Drift
from fin_assets.core.contract.manifest import Manifest, PartitionKey, PartitionState, UnitRecord, UnitState
from fin_assets.core.storage.store import store_of
from tests.cli.conftest import flat
from tests.core.fakes import NAME, TABLE

HOSTILE = "a title [/error] [bold]x[/bold] [sources.x] :smile: \x1b[2J\x1b]0;owned\x9c \x9b31m \u202eback"
SHOWN = "a title [/error] [bold]x[/bold] [sources.x] :smile: \\x1b[2J\\x1b]0;owned\\x9c \\x9b31m \\u202eback"
DAY = date(2026, 3, 20)


def clean(text: str) -> bool:
    return not {"\x1b", "\x9c", "\x9b", "\u202e"} & set(text)


@pytest.fixture
def stored(site) -> None:
    """A session of which every text that can come from outside is hostile."""
    unit = UnitRecord(unit="a", state=UnitState.FAILED, error_kind="drift", error=HOSTILE, remedy=HOSTILE)
    store_of(project()[0]).save(
        Manifest(
            source=NAME,
            table=TABLE,
            session=DAY,
            state=PartitionState.INCOMPLETE,
            units=(unit.model_copy(update={"evidence": ("evidence/[red]x.html",)}),),
            reason=HOSTILE,
            attempts=1,
        )
    )


@pytest.mark.parametrize(
    "command", [["status", NAME], ["status", NAME, "--session", str(DAY)], ["status", NAME, "--from", str(DAY)]]
)
def test_status_shows_what_a_site_wrote_as_it_is(fin, stored, command: list[str]) -> None:
    done = fin(*command)
    assert done.exit_code == 0, done.output
    assert clean(done.output)
    assert SHOWN in flat(done.output)
    assert "[red]x.html" in done.output


def test_programs_get_it_escaped(fin, stored) -> None:
    done = fin("status", NAME, "--session", str(DAY), "--json")
    assert clean(done.output)
    assert json.loads(done.output)[0]["left"][0]["reason"] == HOSTILE


def test_a_run_and_its_summary_show_it_as_it_is(fin, site) -> None:
    site.broken = {("a", DAY): Drift(HOSTILE)}
    done = fin("run", NAME, "--session", str(DAY), "--no-marts")
    assert done.exit_code == 3, done.output
    assert clean(done.output)
    assert SHOWN in flat(fin("status", NAME, "--session", str(DAY)).output)


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_every_console_shows_it_as_it_is(*, terminal: bool) -> None:
    stream = io.StringIO()
    console = a_console(file=stream, force_terminal=terminal, color_system=None)
    console.print(HOSTILE)
    grid = Grid(title=HOSTILE)
    grid.add_column(HOSTILE)
    grid.add_row(HOSTILE)
    console.print(grid)
    console.print(Problem(HOSTILE, HOSTILE).panel())
    display = Display(console)
    with display.table(HOSTILE, units={DAY: 2}):
        key = PartitionKey(NAME, TABLE, DAY)
        display.on_event(Event(kind="stopped", message=HOSTILE, key=key, unit=HOSTILE, failure_kind="drift"))
    told = stream.getvalue()
    assert clean(told.replace("\x1b[?25l", "").replace("\x1b[?25h", "").replace("\x1b[1A", "").replace("\x1b[2K", ""))
    squeezed = "".join(told.translate(dict.fromkeys(map(ord, "│┃"))).split())
    assert squeezed.count("".join(SHOWN.split())) >= 4, "wherever a line is broken"


def test_the_doctor_and_the_settings_show_it_as_it_is(fin, home) -> None:
    (home / "fin.toml").write_text('"[/error] \\u001b[2J" = 1\n')
    for command in ("status", "doctor"):
        done = fin(command)
        assert "Traceback" not in done.output
        assert clean(done.output + done.stderr)
        assert "[/error] \\x1b[2J" in flat(done.output + done.stderr)


def test_dagster_gets_it_without_markdown_and_controls() -> None:
    from fin_assets.core.collection.finalize import SessionResult
    from fin_assets.core.orchestration.assets import _markdown, _reason

    result = SessionResult(
        Manifest(source=NAME, table=TABLE, session=DAY, state=PartitionState.CLOSED, units=(), reason=HOSTILE)
    )
    assert HOSTILE in _reason(result)
    cell = _markdown([{"name": "x | **y** <img src=x> \x1b[2J"}]).splitlines()[-1]
    assert cell == "| x \\| \\*\\*y\\*\\* \\<img src=x\\> \\\\x1b\\[2J |"
