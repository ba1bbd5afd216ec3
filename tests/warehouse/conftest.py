"""One small built warehouse of each market, shared: a full build takes long."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from fin_assets.warehouse.build import BuildResult
from fin_assets.warehouse.reader import Reader
from tests.warehouse import idx_home
from tests.warehouse.home import Home, holdings_frame, participants_frame, weekdays
from tests.warehouse.templates import copied

SESSIONS = weekdays(date(2026, 1, 5), 45)
CLOSED_LEG, INCOMPLETE, LAST = SESSIONS[30], SESSIONS[40], SESSIONS[-1]
STOCKS = [f"{code:05d}" for code in range(1, 41)]
WATCHED = ("00001", "00002")


def small_market(session: date, *, revised: bool = False) -> list[tuple[str, str, int, float | None]]:
    """Return the list of a session: 40 stocks that move every open day, and the life of some special ones.

    00041 is new from session 10; 00005 is away in sessions 12 to 36 (returning); 00006 becomes 02906 by five to one in
    session 20, and comes back in session 28 with a residue left; 00042 leaves in session 6, and from session 28 on its code
    means another company with six tenths of the issued shares; in sessions 6 to 27 60,000 shares of 00001 are under its
    renminbi counter 80001.
    """
    i = SESSIONS.index(session)
    step = i - 1 if session == CLOSED_LEG else i
    rows: dict[str, tuple[str, int]] = {}
    for n, code in enumerate(STOCKS, start=1):
        shares = 1_000_000 * n + 1_000 * step * (n % 7 - 3) + (700 * n if step % 5 == n % 5 else 0)
        rows[code] = (f"STOCK {code}", shares)
    if revised:
        rows["00010"] = ("STOCK 00010", 5_000_000)
    if i >= 10:
        rows["00041"] = ("NEWCOMER", 50_000 + 10 * i)
    if 12 <= i <= 36:
        del rows["00005"]
    if 20 <= i < 28:
        rows["02906"] = ("STOCK 00006", 1_200_000)
        del rows["00006"]
    elif i >= 28:
        rows["00006"] = ("STOCK 00006", 1_199_000)
        if i < 33:
            rows["02906"] = ("STOCK 00006", 1_000)
    issued = _companies_and_counters(rows, i, revised=revised)
    return [
        (code, name, shares, round(shares / issued.get(code, 1_000_000), 2)) for code, (name, shares) in rows.items()
    ]


def _companies_and_counters(rows: dict[str, tuple[str, int]], i: int, *, revised: bool) -> dict[str, int]:
    """Add the code of two companies and the renminbi counter; return issued shares / 100 where they are no million."""
    if i < 6:
        rows["00042"] = ("OLD COMPANY", 2_000_000)
    if i >= 28 or (i < 6 and revised):
        rows["00042"] = ("OTHER COMPANY", 1_500_000)
    if 6 <= i < 28:
        rows["80001"] = ("STOCK 00001-R", 60_000)
        rows["00001"] = ("STOCK 00001", rows["00001"][1] - 60_000)
    return {"00042": 600_000} if rows.get("00042", ("",))[0] == "OTHER COMPANY" else {}


def stage_session(home: Home, session: date, *, revised: bool = False) -> None:
    """Stage all that a session has."""
    i = SESSIONS.index(session)
    home.stage("holdings", session, holdings_frame(session, small_market(session, revised=revised)))
    if i % 20 == 0:
        rows = [(f"9{n:04d}", f"A SHARE {n}", 1_000 * n + i, 1.5) for n in range(1, 6)]
        home.stage("northbound", session, holdings_frame(session, rows, market="sh"), units=("sh/en", "sz/en"))
    frames = [
        participants_frame(
            session,
            code,
            [
                ("C00019", "BIG CUSTODIAN", 400_000 + (5_000 if i % 3 == 0 else 0)),
                ("B01451", "SOME BROKER", 100_000 + 100 * i),
                ("A00003", "CHINA CLEARING SH", 60_000),
                ("A00004", "CHINA CLEARING SZ", 40_000),
                *([(None, "NAMED INVESTOR", 30_000)] if i > 5 else []),
            ],
            issued=1_000_000,
            unnamed=1_000,
        )
        for code in WATCHED
    ]
    home.stage("participants", session, frames[0].vstack(frames[1]), units=WATCHED)


def day_state(day: date) -> str:
    """Return the calendar's word on a day."""
    return "southbound_closed" if day == CLOSED_LEG else "open"


@pytest.fixture(scope="session")
def clock_stopped() -> Iterator[None]:
    """Freeze the clock after the last session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIN_CLOCK", "2026-03-08T00:00:00+00:00")
        yield


def _build_small(root: Path) -> BuildResult:
    home = Home(root, SESSIONS, day_state=day_state)
    for session in SESSIONS:
        if session not in {INCOMPLETE, LAST}:
            stage_session(home, session)
    home.fail("holdings", INCOMPLETE)
    return home.build()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, clock_stopped: None) -> tuple[Home, BuildResult]:
    """A small built warehouse: the holdings of one session are incomplete, the last was never collected."""
    del clock_stopped
    root = tmp_path_factory.mktemp("built")
    result = copied("hk", _build_small, root)
    return Home(root, SESSIONS, day_state=day_state), result


@pytest.fixture
def home(built: tuple[Home, BuildResult], tmp_path: Path) -> Home:
    """A copy of the built home, to be changed."""
    shutil.copytree(built[0].data, tmp_path / "data")
    return Home(tmp_path, SESSIONS, day_state=day_state)


@pytest.fixture(scope="session")
def reader(built: tuple[Home, BuildResult]) -> Reader:
    """A reader of the small warehouse."""
    return Reader(built[0].data)


def _build_idx(root: Path) -> None:
    idx_home.published(root, idx_home.SESSIONS[:-1])


@pytest.fixture(scope="session")
def idx_built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small published Indonesian home, all but its last session."""
    root = tmp_path_factory.mktemp("idx")
    copied("idx", _build_idx, root)
    return idx_home.idx_home(root)


@pytest.fixture(scope="session")
def idx_reader(idx_built: Home) -> Reader:
    """A reader of the small Indonesian warehouse."""
    return Reader(idx_built.data)
