"""The generated market: the same from the same seed, and like the real one where it was measured."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import pytest

from fin_assets.core.calendars.exchange import get_calendar
from fin_assets.sandbox.sites.hkex_southbound.generate import GeneratedMarket, list_days, settled
from fin_assets.sandbox.sites.hkex_southbound.participants import participants
from fin_assets.sandbox.sites.hkex_southbound.universe import universe

if TYPE_CHECKING:
    from fin_assets.sandbox.sites.hkex_southbound.market import DayList

START, UNTIL = date(2024, 7, 2), date(2026, 11, 20)


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return GeneratedMarket(market="hk", seed=7, start=START, until=UNTIL)


@pytest.fixture(scope="module")
def lists(market: GeneratedMarket) -> list[DayList]:
    return [market.on(day) for day in market.days]


def changed(before: DayList, after: DayList) -> float:
    held = dict(zip(before.codes, before.shares, strict=True))
    both = [(held[code], shares) for code, shares in zip(after.codes, after.shares, strict=True) if code in held]
    return sum(a != b for a, b in both) / len(both)


def test_the_same_seed_tells_the_same_past_whatever_range_is_asked_for(market: GeneratedMarket) -> None:
    other = GeneratedMarket(market="hk", seed=7, start=date(2026, 2, 2), until=date(2027, 6, 30))
    for day in (date(2026, 2, 2), date(2026, 6, 15), date(2026, 11, 20)):
        assert other.on(day) == market.on(day)


def test_another_seed_tells_another_past(market: GeneratedMarket) -> None:
    other = GeneratedMarket(market="hk", seed=8, start=date(2026, 11, 2), until=UNTIL)
    assert other.on(UNTIL).shares != market.on(UNTIL).shares
    assert other.on(UNTIL).names_en != market.on(UNTIL).names_en


def test_about_550_stocks_are_listed_every_day_with_codes_in_order(lists: list[DayList]) -> None:
    counts = [len(listed.codes) for listed in lists]
    assert 500 < min(counts) <= max(counts) < 600
    for listed in lists[::25]:
        assert list(listed.codes) == sorted(set(listed.codes))
        assert listed.codes[0] >= 1
        assert listed.codes[-1] <= 9999
        assert {700, 941, 388} <= set(listed.codes)


def test_a_normal_day_changes_about_nine_stocks_in_ten_and_a_day_without_settlement_none(lists: list[DayList]) -> None:
    normal, still = [], []
    for before, after in pairwise(lists):
        (normal if settled(after.day) else still).append(changed(before, after))
    assert 0.86 < median(normal) < 0.92
    assert min(normal) > 0.8
    assert len(still) > 20
    assert max(still) == 0


def test_the_list_days_are_hong_kongs_sessions_and_the_days_lost_to_storms() -> None:
    days = set(list_days(UNTIL))
    sessions = set(get_calendar("XHKG").sessions(START, UNTIL))
    assert {day for day in days if day >= START} - sessions == {date(2024, 9, 6)}
    assert date(2026, 2, 17) not in days
    assert not settled(date(2024, 9, 6))


def test_changes_are_small_with_fat_tails(lists: list[DayList]) -> None:
    moves = []
    for before, after in pairwise(lists[-120:]):
        held = dict(zip(before.codes, before.shares, strict=True))
        both = ((held[c], s) for c, s in zip(after.codes, after.shares, strict=True) if c in held)
        moves.extend(abs(new / old - 1) for old, new in both if old != new)
    moves.sort()
    assert 0.001 < median(moves) < 0.01
    assert moves[int(len(moves) * 0.99)] > 0.05


def test_percentages_are_truncated_and_a_few_are_empty(market: GeneratedMarket, lists: list[DayList]) -> None:
    empty = sum(p is None for listed in lists for p in listed.percents)
    assert 0 < empty / sum(len(listed.codes) for listed in lists) < 0.02
    listed = lists[-1]
    for code, held, percent in zip(listed.codes, listed.shares, listed.percents, strict=True):
        issued = market.issued(code, listed.day)
        assert held <= issued
        assert percent in (None, held * 10_000 // issued)


def test_a_consolidation_moves_the_holding_to_a_temporary_counter_and_back_with_a_residue(
    market: GeneratedMarket, lists: list[DayList]
) -> None:
    stocks = universe("hk", 7)
    seen = 0
    for event in stocks.counters:
        effective = date.fromordinal(event.effective)
        if not START < effective < date(2026, 9, 1):
            continue
        old = int(stocks.codes[event.stock])
        at = next(i for i, day in enumerate(market.days) if day >= effective)
        before, opened, back, parallel, gone = (lists[at + n] for n in (-1, 0, 10, 11, 25))
        held = [listed.shares[listed.find(code) or 0] for listed, code in ((before, old), (opened, event.code))]
        assert opened.find(old) is None
        assert held[1] * event.ratio == pytest.approx(held[0], rel=0.7)
        assert (back.find(old) is None, back.find(event.code)) == (False, None)
        residue, whole = parallel.find(event.code), parallel.find(old)
        assert residue is not None
        assert whole is not None
        assert gone.find(event.code) is None
        seen += 1
    assert seen > 5


def test_a_takeover_empties_a_stock_in_one_day_and_it_leaves_the_list_later(lists: list[DayList]) -> None:
    codes = universe("hk", 7)
    taken = {
        int(codes.codes[s])
        for s, day in enumerate(codes.collapse_on.tolist())
        if START.toordinal() + 10 < day < date(2026, 8, 1).toordinal() and codes.listed_from[s] < START.toordinal()
    }
    collapsed = set()
    for before, after in pairwise(lists):
        held = dict(zip(before.codes, before.shares, strict=True))
        collapsed |= {c for c, s in zip(after.codes, after.shares, strict=True) if s < held.get(c, 0) * 0.1}
    assert taken & collapsed
    assert not taken & collapsed & set(lists[-1].codes)


def test_names_come_and_go_between_lists(lists: list[DayList]) -> None:
    joined = left = 0
    for before, after in pairwise(lists):
        joined += len(set(after.codes) - set(before.codes))
        left += len(set(before.codes) - set(after.codes))
    assert joined > 40
    assert left > 40


def test_participants_change_on_business_days_only_and_never_all_at_once() -> None:
    def shares(day: date, southbound: int = 60_000_000) -> dict[str, int]:
        found = participants(
            seed=7, code=700, name_en="X", name_zh="甲", southbound=southbound, issued=1_000_000_000, day=day
        )
        return {h.participant_id: h.shares for h in found.holders if h.participant_id}

    thursday, friday, saturday = shares(date(2026, 3, 26)), shares(date(2026, 3, 27)), shares(date(2026, 3, 28))
    moved = sum(thursday[i] != friday[i] for i in thursday) / len(thursday)
    assert 0.1 < moved < 0.5
    assert friday == saturday
    assert friday["A00003"] + friday["A00004"] == 60_000_000
    assert thursday["A00003"] == friday["A00003"]


@pytest.mark.parametrize("held_share", [0.0001, 0.3, 0.75])
def test_totals_stay_within_the_issued_shares_however_much_is_southbound(held_share: float) -> None:
    issued = 250_000_000
    for code in range(1, 200, 7):
        found = participants(
            seed=7,
            code=code,
            name_en="X",
            name_zh="甲",
            southbound=int(issued * held_share),
            issued=issued,
            day=date(2026, 3, 27),
        )
        assert sum(h.shares for h in found.holders) + found.hidden_shares <= issued
