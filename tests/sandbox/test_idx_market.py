"""The Indonesian market: what the exchange states, and broker tables that add up to it."""

from __future__ import annotations

import time
from datetime import date
from functools import lru_cache

import numpy as np
import pytest

from fin_assets.sandbox.sites.idx_brokers.brokers import brokers
from fin_assets.sandbox.sites.idx_brokers.flows import BOARDS, Flows, table_of
from fin_assets.sandbox.sites.idx_brokers.generate import GeneratedIdx
from fin_assets.sandbox.sites.idx_brokers.market import SessionFacts, on_tick, tick
from fin_assets.sandbox.sites.idx_brokers.universe import universe

UNTIL = date(2026, 12, 31)
DAYS = (date(2019, 1, 2), date(2021, 6, 14), date(2025, 11, 10), date(2026, 11, 19))
MARKETS = ((60, 7), (60, 8), (20, 1), (920, 7))


@lru_cache(maxsize=8)
def market_of(companies: int, seed: int) -> GeneratedIdx:
    return GeneratedIdx(companies=companies, seed=seed, until=UNTIL)


@lru_cache(maxsize=4)
def flows_of(companies: int, seed: int, day: date) -> Flows:
    market = market_of(companies, seed)
    return Flows(market.on(day), stocks=len(market.codes), seed=seed)


def stated(facts: SessionFacts, row: int) -> dict[str, tuple[int, int]]:
    """Shares and rupiah of each board as the exchange's list states them."""
    c = facts.crossings
    on = {"TN": (c.stock == row) & ~c.negotiated, "NG": (c.stock == row) & c.negotiated}
    found = {board: (int(c.shares[mask].sum()), int(c.value[mask].sum())) for board, mask in on.items()}
    found["RG"] = int(facts.volume[row]), int(facts.value[row])
    found["all"] = (sum(shares for shares, _ in found.values()), sum(value for _, value in found.values()))
    return found


@pytest.mark.parametrize(("companies", "seed"), MARKETS)
@pytest.mark.parametrize("day", DAYS)
def test_lots_and_rupiah_of_every_board_sum_to_the_exchange_on_both_sides(companies: int, seed: int, day: date) -> None:
    flows = flows_of(companies, seed, day)
    for row, code in enumerate(flows.facts.codes):
        for board in BOARDS:
            shares, value = stated(flows.facts, row)[board]
            cells = flows.cells(code, board, "all")
            assert cells is not None
            table = table_of([cells])
            assert (table is None) == (shares == 0)
            if table is not None:
                for side in (table.buy, table.sell):
                    assert sum(entry.lots for entry in side) == shares // 100
                    assert (sum(e.shares for e in side), sum(e.value for e in side)) == (shares, value)


@pytest.mark.parametrize(("companies", "seed"), MARKETS)
def test_a_brokers_whole_is_the_sum_of_its_boards_and_of_its_foreign_and_domestic_investors(
    companies: int, seed: int
) -> None:
    flows = flows_of(companies, seed, DAYS[-1])
    for code in flows.facts.codes:
        whole = flows.cells(code, "all", "all")
        boards = [flows.cells(code, board, "all") for board in ("RG", "TN", "NG")]
        investors = [flows.cells(code, "all", who) for who in ("F", "D")]
        for parts in (boards, investors):
            assert np.array_equal(sum(parts), whole)
            # An odd lot counts as none, and still the lots of the parts add up.
            lots = [part.sum(axis=1)[..., 0] // 100 for part in parts]
            assert np.array_equal(sum(lots), whole.sum(axis=1)[..., 0] // 100)


@pytest.mark.parametrize(("companies", "seed"), MARKETS)
@pytest.mark.parametrize("day", DAYS)
def test_the_market_of_a_broker_is_the_sum_of_its_tables(companies: int, seed: int, day: date) -> None:
    flows = flows_of(companies, seed, day)
    shares, value, trades = flows.market()
    summed = sum(flows.cells(code, "all", "all").sum(axis=(0, 1)) for code in flows.facts.codes)
    assert np.array_equal(summed[:, 0], shares)
    assert np.array_equal(summed[:, 1], value)
    crossings = flows.facts.crossings
    assert shares.sum() == 2 * (flows.facts.volume.sum() + crossings.shares.sum())
    assert value.sum() == 2 * (flows.facts.value.sum() + crossings.value.sum())
    assert trades.sum() == 2 * (flows.facts.trades.sum() + len(crossings.stock))
    assert ((trades > 0) == (shares > 0)).all()


def test_foreign_shares_of_the_list_are_those_of_the_foreign_table_on_the_regular_board() -> None:
    flows = flows_of(920, 7, DAYS[-1])
    for row, code in enumerate(flows.facts.codes):
        bought, sold = flows.cells(code, "RG", "F")[..., 0].sum(axis=(1, 2))
        assert (bought, sold) == (flows.facts.foreign_buy[row], flows.facts.foreign_sell[row])


def test_every_average_of_the_regular_board_lies_between_the_days_low_and_high() -> None:
    flows = flows_of(920, 7, DAYS[-1])
    for row, code in enumerate(flows.facts.codes):
        cells = flows.cells(code, "RG", "all")
        shares, value = cells[..., 0], cells[..., 1]
        prices = value[shares > 0] / shares[shares > 0]
        assert (prices >= flows.facts.low[row]).all()
        assert (prices <= flows.facts.high[row]).all()
        assert (value[shares == 0] == 0).all()


def test_a_side_has_no_more_brokers_than_trades() -> None:
    flows = flows_of(920, 7, DAYS[-1])
    for row, code in enumerate(flows.facts.codes):
        for side in flows.cells(code, "RG", "all").sum(axis=1)[..., 0]:
            assert (side > 0).sum() <= flows.facts.trades[row]


def test_a_session_of_920_companies_has_about_36000_rows_and_takes_a_tenth_of_a_second() -> None:
    market = market_of(920, 7)
    begun = time.process_time()
    flows = Flows(market.on(date(2026, 11, 18)), stocks=len(market.codes), seed=7)
    flows.market()
    assert time.process_time() - begun < 0.4, "0.03 s on an idle core"
    tables = [table_of([flows.cells(code, "all", "all")]) for code in flows.facts.codes]
    traded = [table for table in tables if table is not None]
    assert len(traded) > 880
    brokers_seen = [len({entry.broker for entry in (*t.buy, *t.sell)}) for t in traded]
    assert 33_000 < sum(brokers_seen) < 40_000
    assert min(brokers_seen) <= 6
    assert max(brokers_seen) >= 45


@pytest.mark.parametrize(("companies", "seed"), MARKETS)
@pytest.mark.parametrize("day", DAYS)
def test_the_list_of_a_session_is_plausible(companies: int, seed: int, day: date) -> None:
    facts = market_of(companies, seed).on(day)
    traded = facts.volume > 0
    assert list(facts.codes) == sorted(set(facts.codes))
    for prices in (facts.close, facts.previous, facts.high[traded], facts.low[traded]):
        assert (prices % tick(prices) == 0).all()
        assert (prices >= 50).all()
    assert (facts.low[traded] <= facts.close[traded]).all()
    assert (facts.close[traded] <= facts.high[traded]).all()
    vwap = facts.value[traded] / facts.volume[traded]
    assert ((facts.low[traded] <= vwap) & (vwap <= facts.high[traded])).all()
    assert (facts.volume % 100 == 0).all()
    assert (facts.foreign_buy <= facts.volume).all()
    assert (facts.foreign_sell <= facts.volume).all()
    assert (facts.trades[traded] >= 1).all()
    for column in ("high", "low", "value", "trades", "bid", "offer", "first_trade", "foreign_buy"):
        assert (getattr(facts, column)[~traded] == 0).all(), column
    assert (facts.close[~traded] == facts.previous[~traded]).all()


def test_a_session_is_the_same_whenever_the_market_was_made() -> None:
    day = date(2023, 3, 16)
    short, long = GeneratedIdx(companies=60, seed=7, until=date(2023, 4, 1)).on(day), market_of(60, 7).on(day)
    for name in SessionFacts.__dataclass_fields__:
        if name != "crossings":
            assert np.array_equal(getattr(short, name), getattr(long, name)), name
    assert np.array_equal(short.crossings.value, long.crossings.value)
    other = GeneratedIdx(companies=60, seed=8, until=date(2023, 4, 1)).on(day)
    assert other.names != long.names


def test_stocks_come_and_go_are_suspended_and_have_days_without_a_trade() -> None:
    market, u = market_of(60, 7), universe(60, 7)
    sessions = [day for day in market.sessions if day >= date(2024, 9, 2)]
    seen = [set(market.on(day).codes) for day in sessions]
    assert seen[0] - seen[-1], "nobody left"
    assert seen[-1] - seen[0], "nobody came"
    told = [text for day in sessions for text in market.on(day).delisting if text]
    assert told
    for text in set(told):
        assert date.fromisoformat(text[:10]) > sessions[0]
    suspended = u.suspended(sessions[-1].toordinal()) & u.listed(sessions[-1].toordinal())
    facts = market.on(sessions[-1])
    silent = {code for code, volume in zip(facts.codes, facts.volume.tolist(), strict=True) if volume == 0}
    frozen = {code for code, out in zip(u.codes, suspended.tolist(), strict=True) if out}
    assert frozen
    assert frozen <= silent
    quiet = market_of(920, 7).on(DAYS[-1])
    out = universe(920, 7).suspended(DAYS[-1].toordinal())[quiet.stock]
    assert ((quiet.volume == 0) & ~out).any()


def test_a_split_shows_in_the_reference_price_and_in_the_listed_shares() -> None:
    market, u = market_of(60, 7), universe(60, 7)
    recent = [s for s in u.splits if date(2024, 9, 2).toordinal() < s.effective < UNTIL.toordinal()]
    assert recent
    for split in recent:
        day = next(d for d in market.sessions if d.toordinal() >= split.effective)
        before = market.on(market.sessions[market.sessions.index(day) - 1])
        after = market.on(day)
        code = u.codes[split.stock]
        old, new = before.codes.index(code), after.codes.index(code)
        assert after.listed[new] == before.listed[old] * split.ratio
        theory = on_tick(before.close[old : old + 1] / split.ratio)[0]
        assert after.previous[new] == theory
        assert abs(after.close[new] / theory - 1) < 0.3


def test_other_boards_have_odd_lots_and_stocks_that_trade_nowhere_else() -> None:
    facts = market_of(920, 7).on(DAYS[-1])
    c = facts.crossings
    odd = c.shares % 100 > 0
    assert odd.any()
    assert c.negotiated[odd].all(), "odd lots are negotiated only"
    assert (~c.negotiated).any(), "the cash market trades as well"
    assert len(np.unique(c.stock[odd])) == odd.sum(), "one odd lot a stock at most"
    days = [market_of(920, 7).on(day) for day in market_of(920, 7).sessions[-5:]]
    assert any((day.volume[day.crossings.stock] == 0).any() for day in days)


def test_somebody_accumulates_for_weeks_and_somebody_buys_what_he_sells() -> None:
    market = market_of(60, 7)
    days = [day for day in market.sessions if date(2026, 6, 1) <= day <= date(2026, 7, 31)]
    net: dict[str, list[np.ndarray]] = {code: [] for code in market.on(days[0]).codes}
    churn = []
    for day in days:
        flows = Flows(market.on(day), stocks=len(market.codes), seed=7)
        for code, daily in net.items():
            cells = flows.cells(code, "all", "all")
            if cells is not None:
                lots = cells.sum(axis=1)[..., 0]
                daily.append(lots[0] - lots[1])
        gross = sum(flows.cells(code, "all", "D").sum(axis=1)[..., 0] for code in flows.facts.codes)
        churn.append(abs(gross[0] - gross[1]) / np.maximum(gross[0] + gross[1], 1))
    streaks = [longest(np.stack(daily)) for daily in net.values() if daily]
    assert max(streaks) >= 10, "no broker buys for ten sessions on end"
    usual = np.median(np.stack(churn), axis=0)
    assert usual[brokers().churns].mean() < usual[brokers().domestic > 10].mean()


def longest(net: np.ndarray) -> int:
    """The longest run of sessions on which one broker buys more than it sells."""
    best = run = np.zeros(net.shape[1], dtype=int)
    for day in net:
        run = np.where(day > 0, run + 1, 0)
        best = np.maximum(best, run)
    return int(best.max())


def test_codes_are_unique_for_every_size_and_the_known_ones_are_there() -> None:
    for companies in (20, 60, 500, 1200):
        u = universe(companies, 7)
        assert len(set(u.codes)) == len(u.codes) == len(u.names)
        assert {len(code) for code in u.codes} == {4, 5}
        assert "BBCA" in u.codes
        assert all(code.endswith("P") and code[:4] in u.codes for code in u.codes if len(code) == 5)
        assert u.listed(DAYS[-1].toordinal()).sum() >= companies
