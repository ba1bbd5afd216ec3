"""The detector against published numbers: a month of one share, as far as the recorded answer states its parts."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fin_assets.warehouse.reader import Reader
from tests.warehouse.idx_home import CLOCK, idx_home, stage_day
from tests.warehouse.idx_market import TRADES, IdxMarket, broker_codes

SAMPLE = Path(__file__).parents[3] / "shared/samples/idx/stockbit_marketdetectors_BBCA_20260818-20260916_trimmed.json"
SESSION = date(2026, 1, 5)

# The recorded answer names three brokers; the other net lots are chosen so that all its sums hold: 33 buyers, 52 sellers,
# 4,543,128 net lots, and the pressures of 1, 3, 5, 10, 1 to 5 and 1 to 15 brokers.
BUYS = [2819329, 623579, 92276, 92273, 92271, 92270, 92268, 92265, 92263, 92262, 92260, 92259, 92257, 85074,
        24, 22, 20, 19, 17, 16, 15, 14, 13, 11, 10, 9, 8, 7, 6, 5, 3, 2, 1]  # fmt: skip
SELLS = [1583794, 1367044, 208010, 187170, 105966, 105463, 105462, 105459, 105457, 105455, 13773, 13772, 13771, 13770,
         13769, 13767, 13766, 13765, 13764, 13762, 13761, 13760, 13758, 13757, 13756, 13754, 13753, 13751, 13750, 13748,
         13747, 13745, 13744, 13742, 13740, 13739, 13737, 13736, 13735, 13733, 13732, 13731, 13729, 13728, 13727, 13725,
         13724, 13722, 13720, 13717, 13711, 257]  # fmt: skip
PRICE, LOT = 6_500, 100
NET_VALUE = 2_954_331_683_000
"""The recorded answer says 2,954,331,700,000: with seven digits, the same number."""


def broker_table() -> pl.DataFrame:
    """Return a whole broker list with these net lots, all at one price but the first buyer's, who pays what is left."""
    codes = iter(broker_codes(len(BUYS) + len(SELLS)))
    first = NET_VALUE - PRICE * LOT * sum(BUYS[1:])
    paid = [first, *(PRICE * LOT * lots for lots in BUYS[1:])]
    rows = [
        {"broker_code": next(codes), "buy_lots": lots, "buy_lots_step": 1, "buy_value_idr": value}
        for lots, value in zip(BUYS, paid, strict=True)
    ]
    rows += [
        {"broker_code": next(codes), "sell_lots": lots, "sell_lots_step": 1, "sell_value_idr": PRICE * LOT * lots}
        for lots in SELLS
    ]
    same: dict[str, object] = {"session_date": SESSION, "ticker_code": "BBCA", "board": "all", "investor_type": "all"}
    same |= {"is_complete_list": True, "visible_buy_lots": sum(BUYS), "visible_sell_lots": sum(SELLS)}
    return pl.DataFrame([{**same, **row} for row in rows], schema=TRADES)


def board_tables(whole: pl.DataFrame) -> pl.DataFrame:
    """Return the same list by board: 100 lots were negotiated, 10 for cash, by the first buyer and the first seller."""
    largest = pl.col("buy_lots").is_in(BUYS[:1]) | pl.col("sell_lots").is_in(SELLS[:1])
    part = whole.filter(largest)
    parts = [
        part.with_columns(
            pl.lit(board).alias("board"), *(pl.col(side).clip(upper_bound=lots) for side in ("buy_lots", "sell_lots"))
        )
        for board, lots in (("NG", 100), ("TN", 10))
    ]
    rest = whole.with_columns(
        pl.lit("RG").alias("board"),
        *(pl.when(largest).then(pl.col(side) - 110).otherwise(side).alias(side) for side in ("buy_lots", "sell_lots")),
    )
    return pl.concat([whole, rest, *parts])


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader of the marts over that list."""
    home = idx_home(tmp_path_factory.mktemp("detector"), [SESSION])
    day = IdxMarket(tickers=3, brokers=10, lives=False).next(SESSION)
    stage_day(home, SESSION, day)
    home.stage("broker_trades", SESSION, pl.concat([day.trades, board_tables(broker_table())]), units=("BBCA/all/all",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIN_CLOCK", CLOCK)
        home.build()
    return Reader(home.data)


@pytest.fixture(scope="module")
def row(reader: Reader) -> dict[str, object]:
    """The detector's row of that list."""
    query = """
        select columns('_label$'), columns('_lots$'), buyers, sellers, breadth, broker_accdist, net_value_idr,
            cast(cast(columns('_pct$|_amount_idr$|average_idr') as float) as varchar)
        from idx__detector where ticker_code = 'BBCA' and window_sessions = 1 and board = 'all'
    """
    return reader.query(query).row(0, named=True)


def test_the_published_numbers_come_out_to_the_last_digit(row: dict[str, object]) -> None:
    # As published, that is with the seven digits of a 32-bit number.
    assert (row["net_lots"], row["average_idr"]) == (4_543_128, "6502.858")
    assert (row["buyers"], row["sellers"], row["breadth"], row["broker_accdist"]) == (33, 52, -19, "Acc")
    assert [row[f"top{n}_lots"] for n in (1, 3, 5, 10)] == [1_235_535, 376_336, 267_744, 201_776]
    assert [row[f"{name}_pct"] for name in ("top1", "top3", "top5", "top10", "avg5")] == [
        "27.19569", "8.283632", "5.8933845", "4.441345", "11.679724",
    ]  # fmt: skip
    assert [row[f"{name}_label"] for name in ("top1", "top3", "top5", "top10", "avg5")] == [
        "Big Acc", "Small Acc", "Neutral", "Neutral", "Small Acc",
    ]  # fmt: skip
    assert row["avg5_lots"] == 530_624.8


def test_every_number_of_the_recorded_answer_is_reproduced(row: dict[str, object]) -> None:
    if not SAMPLE.exists():
        pytest.skip(f"the recorded answer is not there: {SAMPLE.name}")
    recorded = json.loads(SAMPLE.read_text())["data"]["bandar_detector"]
    for name in ("top1", "top3", "top5", "top10", "avg5"):
        published = recorded[name]
        assert row[f"{name}_label"] == published["accdist"], name
        assert float(str(row[f"{name}_pct"])) == published["percent"], name
        assert float(str(row[f"{name}_amount_idr"])) == published["amount"], name
        assert row[f"{name}_lots"] == pytest.approx(published["vol"], rel=1e-7), name
    assert row["broker_accdist"] == recorded["broker_accdist"]
    assert row["breadth"] == recorded["number_broker_buysell"]


def test_every_board_that_was_collected_has_its_own_pressure(reader: Reader) -> None:
    rows = reader.query(
        "select board, net_lots, top1_lots from idx__detector where ticker_code = 'BBCA' and window_sessions = 1 order by 1"
    )
    pressure = BUYS[0] - SELLS[0]
    assert rows.rows() == [
        ("NG", 100, 0),
        ("RG", sum(BUYS) - 110, pressure),
        ("TN", 10, 0),
        ("all", sum(BUYS), pressure),
    ]
    # What stands for the whole is board all, never all and its parts together.
    assert reader.query("select broker_tickers from idx__market_totals").item() == 4
