"""The exchange's lists: recorded days, and what a strict reader refuses."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from fin_assets.core.collection.acceptance import states_sessions
from fin_assets.core.contract.failures import (
    CollectionFailure,
    Drift,
    HalfTable,
    Refused,
    StaleDate,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.source import Accepted, DateRange
from fin_assets.sources.idx_brokers.lists import (
    STOCK_COLUMNS,
    parse_broker_summary,
    parse_members,
    parse_stock_summary,
    parsed_by,
)
from fin_assets.sources.idx_brokers.stage import stage_stock_summary
from tests.sources.accepting import accept, answer
from tests.sources.idx_brokers.builders import ALL, DAY, JSON, NOW, SOURCE, broker, envelope, sample, stock, traded

RECORDED = {
    "GetStockSummary_2015-01-02.json": (date(2015, 1, 2), 510),
    "GetStockSummary_2020-03-23.json": (date(2020, 3, 23), 687),
    "GetStockSummary_2021-01-19.json": (date(2021, 1, 19), 719),
    "GetStockSummary_2021-05-22_SATURDAY-test-session.json": (date(2021, 5, 22), 732),
}


@pytest.mark.parametrize(("name", "expected"), RECORDED.items())
def test_every_recorded_list_of_stocks_is_read_value_by_value(name, expected):
    body = sample(name).read_bytes()
    found = parse_stock_summary(body, content_type=JSON)
    day, rows = expected
    assert (found.stated_date, found.rows.height) == (day, rows)
    source = {line["StockCode"]: line for line in json.loads(body)}
    for line in found.rows.iter_rows(named=True):
        theirs = source[line["ticker_code"]]
        assert line["close_idr"] == theirs["Close"]
        assert line["volume_shares"] == theirs["Volume"]
        assert line["value_idr"] == theirs["Value"]
        assert line["index_individual"] == theirs["IndexIndividual"]
        assert line["open_idr"] == (theirs["OpenPrice"] or None)
        assert line["nonregular_volume_shares"] == theirs["NonRegularVolume"]


def test_the_recorded_list_of_members_is_read():
    found = parse_members(sample("nichsedge_brokerSearch.json").read_bytes(), content_type=JSON)
    assert found.rows.height == 93
    assert found.stated_date is None
    assert found.rows.filter(broker_code="SQ")["broker_name"].to_list() == ["BCA SEKURITAS"]


def test_envelope_bare_array_and_a_browsers_wrapping_say_the_same():
    rows = [traded("AAAA", 500), stock("BBBB")]
    bare = json.dumps(rows).encode()
    shown = b"<html><head></head><body><pre>" + envelope(rows).replace(b"&", b"&amp;") + b"</pre></body></html>"
    first, *others = (
        parse_stock_summary(body, content_type=kind).rows
        for body, kind in ((envelope(rows), JSON), (bare, JSON), (shown, "text/html"), (b"\xef\xbb\xbf" + bare, ""))
    )
    assert all(first.equals(other) for other in others)
    assert first["ticker_code"].to_list() == ["AAAA", "BBBB"]


def test_numbers_are_decimals_all_the_way():
    body = envelope([traded("AAAA", 100, Value=4603436520626.0, Change=-0.5, Previous=100.5)])
    [line] = parse_stock_summary(body).rows.to_dicts()
    assert line["value_idr"] == 4_603_436_520_626
    assert line["change_idr"] == Decimal("-0.50")
    assert line["previous_idr"] == Decimal("100.50")


def test_zero_prices_are_none_where_nothing_was_traded():
    [line] = parse_stock_summary(envelope([stock("SUSP")])).rows.to_dicts()
    nothing = ("open_idr", "first_trade_idr", "high_idr", "low_idr", "bid_idr", "offer_idr")
    assert [line[name] for name in nothing] == [None] * len(nothing)
    assert line["close_idr"] == 100
    assert line["delisting_date"] is None


def test_a_date_of_delisting_is_a_date():
    found = parse_stock_summary(envelope([stock("GONE", DelistingDate="2021-05-05T00:00:00")]))
    assert found.rows["delisting_date"].to_list() == [date(2021, 5, 5)]


def test_an_empty_list_is_no_list():
    for body in (envelope([]), b"[]"):
        for name in ("stock_summary", "broker_summary_market", "members"):
            with pytest.raises(
                StaleDate, match="not published yet, or the day is a holiday that the calendar lacks"
            ) as caught:
                SOURCE.table(name).parse(answer(body, JSON), ALL)
            assert caught.value.body == body
            assert caught.value.belongs_to is None, "an empty list states no other day"


def test_fewer_rows_than_the_envelope_states_is_half_a_list():
    with pytest.raises(HalfTable, match="1 of 700"):
        parse_stock_summary(envelope([stock("AAAA")], total=700))


BROKEN = {
    "no value": ({"Value": None}, None, "Value of AAAA"),
    "digits without end": ({"NonRegularVolume": 10**40}, None, "NonRegularVolume of AAAA"),
    "no two of three prices": ({"Close": None, "Previous": "?"}, None, "prices of AAAA"),
    "a number for a ticker": ({"StockCode": 7}, None, "StockCode"),
    "no foreign trades": ({"ForeignBuy": "many"}, None, "ForeignBuy of AAAA"),
    "a missing key": ({}, "Volume", "Volume"),
    "a text where a number belongs": ({"Volume": "1,000"}, None, "Volume of AAAA"),
    "half a share": ({"Volume": 10.5}, None, "count"),
    "less than none": ({"Volume": -100.0}, None, "count"),
    "no ticker": ({"StockCode": ""}, None, "text"),
    "another form of date": ({"Date": "19.01.2021"}, None, "Date"),
    "no day": ({"Date": "2021-02-30T00:00:00"}, None, "does not exist"),
}


@pytest.mark.parametrize(("change", "gone", "said"), BROKEN.values(), ids=BROKEN)
def test_what_the_list_never_had_is_drift(change, gone, said):
    line = {**stock("AAAA"), **change}
    if gone:
        del line[gone]
    with pytest.raises(Drift, match=said) as caught:
        parse_stock_summary(envelope([line]))
    assert caught.value.body is not None


NEEDED = {"StockCode", "Volume", "Value", "NonRegularVolume", "NonRegularValue", "ForeignBuy", "ForeignSell"}
NONSENSE = [None, "", "?", True, -5, [1], {"a": 1}, 10**30, "\ud800"]


@pytest.mark.parametrize("key", sorted(set(STOCK_COLUMNS) - NEEDED))
@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_a_column_that_no_identity_needs_never_refuses_a_list(key, value):
    rows = [stock("AAAA"), {**traded("BBBB", 500), key: value}, stock("CCCC")]
    found = SOURCE.table("stock_summary").parse(answer(envelope(rows), JSON), ALL)
    staged = stage_stock_summary([Accepted(unit="all", parsed=found, fetched_at=NOW)], session_date=DAY)
    assert (staged.frame.height, staged.quarantine.height) == (3, 0)
    column = STOCK_COLUMNS[key].name
    kept = staged.frame.filter(ticker_code="BBBB")[column][0]
    if column in {"close_idr", "previous_idr", "change_idr"}:
        assert kept is not None, "the other two prices tell it"
    assert found.unread == () or any(str(note).startswith(f"{key} of BBBB") for note in found.unread)
    assert kept is None or found.unread or value == -5 or isinstance(kept, str) or column in {"close_idr", "change_idr"}


@pytest.mark.parametrize("key", sorted(set(STOCK_COLUMNS) - NEEDED))
def test_a_missing_key_that_no_identity_needs_is_named_and_refuses_nothing(key):
    rows = [{name: value for name, value in stock(code).items() if name != key} for code in ("AAAA", "BBBB")]
    found = parse_stock_summary(envelope(rows))
    assert found.rows.height == 2
    assert list(map(str, found.unread)) == [f"no key {key!r}: in 2 of 2 rows"]


def test_a_weight_with_a_fraction_is_kept():
    found = parse_stock_summary(envelope([traded("AAAA", 500, WeightForIndex=1234567.25, TradebleShares=0.5)]))
    assert found.rows.select("index_weight_shares", "tradable_shares").rows() == [
        (Decimal("1234567.25"), Decimal("0.5"))
    ]
    assert found.unread == ()


def test_a_price_and_a_sum_with_too_many_decimals_are_rounded_and_named():
    found = parse_stock_summary(
        envelope([traded("AAAA", 500, Previous=100.123, NonRegularValue=12.5, NonRegularVolume=1)])
    )
    [line] = found.rows.to_dicts()
    assert (line["previous_idr"], line["nonregular_value_idr"]) == (Decimal("100.12"), 12)
    assert [note.where for note in found.unread] == ["Previous of AAAA, rounded", "NonRegularValue of AAAA, rounded"]


def test_an_unknown_key_and_an_unknown_part_of_the_envelope_are_named():
    body = json.loads(envelope([{**stock("AAAA"), "Surprise": 1}, {**stock("BBBB"), "Surprise": 2}]))
    found = parse_stock_summary(json.dumps({**body, "generated": "now"}).encode())
    assert found.rows.height == 2
    assert list(map(str, found.unread)) == [
        "the stock summary: key 'generated' of the envelope: 'now'",
        "unknown key 'Surprise' of 2 rows: 1",
    ]


def test_numbers_that_are_texts_and_keys_in_another_case_are_read():
    line = traded("AAAA", 500)
    texts = {key: str(value) if isinstance(value, float) else value for key, value in line.items()}
    other = {key[0].lower() + key[1:]: value for key, value in texts.items()}
    first, second = (parse_stock_summary(envelope([rows])) for rows in (line, other))
    assert first.rows.equals(second.rows)
    assert second.unread == ()
    with pytest.raises(Drift, match="in two cases"):
        parse_stock_summary(envelope([{**line, "stockCode": "BBBB"}]))


def test_a_list_that_was_cut_in_its_last_row_and_closed_again_was_cut():
    rows = [stock("AAAA"), stock("BBBB")]
    keys = list(rows[1])
    for size in range(1, len(keys)):
        cut = [rows[0], {key: rows[1][key] for key in keys[:size]}]
        for body in (json.dumps(cut).encode(), envelope(cut), envelope(cut, total=9)):
            with pytest.raises((TruncatedBody, HalfTable)):
                parse_stock_summary(body)


def test_a_list_that_ends_anywhere_ends_in_the_middle():
    body = envelope([traded("AAAA", 500, StockName="Perusahaan \u00e9", Volume=-1.5e3), stock("BBBB")])
    for end in range(2, len(body) - 1):
        with pytest.raises(TruncatedBody):
            parse_stock_summary(body[:end])


def test_hostile_json_is_a_failure_of_a_kind():
    line = envelope([stock("AAAA")])
    for body in (
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        line.replace(b'"Volume": 0.0', b'"Volume": ' + b"9" * 5000),
        line.replace(b'"Volume": 0.0', b'"Volume": 1e999999999999999999999'),
        line.replace(b'"Volume": 0.0', b'"Volume": NaN'),
        line.replace(b'"AAAA"', b'"\\ud800"'),
    ):
        assert body != line
        with pytest.raises(CollectionFailure):
            parse_stock_summary(body)


def test_mixed_dates_and_doubled_tickers_are_drift():
    with pytest.raises(Drift, match="2 dates"):
        parse_stock_summary(envelope([stock("AAAA"), stock("BBBB", Date="2021-01-18T00:00:00")]))
    with pytest.raises(Drift, match="AAAA is there twice"):
        parse_stock_summary(envelope([stock("AAAA"), stock("AAAA")]))


NOT_A_LIST = {
    "nothing": (b"", JSON, WrongContentType),
    "a gate": (b"<html><title>Just a moment...</title><body>wait</body></html>", "text/html", Refused),
    "a PDF": (b"%PDF", "application/pdf", WrongContentType),
    "bytes": (bytes(range(256)), JSON, WrongContentType),
    "a sentence": (b"Service unavailable", JSON, WrongContentType),
    "half": (envelope([stock("AAAA")])[:-40], JSON, TruncatedBody),
    "broken": (b'[{"a": 1,, }]', JSON, Drift),
    "another envelope": (b'{"error": "busy"}', JSON, Drift),
    "no total": (b'{"data": []}', JSON, Drift),
    "no rows": (b"[1, 2]", JSON, Drift),
}


@pytest.mark.parametrize(("body", "content_type", "kind"), NOT_A_LIST.values(), ids=NOT_A_LIST)
def test_what_is_no_list_is_named_for_what_it_is(body, content_type, kind):
    for parse in (parse_stock_summary, parse_broker_summary, parse_members):
        with pytest.raises(CollectionFailure) as caught:
            parsed_by(parse)(answer(body, content_type), ALL)
        assert isinstance(caught.value, kind)


def test_lists_state_their_date_and_members_have_none():
    for name, body in (
        ("stock_summary", envelope([stock("AAAA")])),
        ("broker_summary_market", envelope([broker("YP", 500)])),
    ):
        parsed = SOURCE.table(name).parse(answer(body, JSON), ALL)
        assert (parsed.rows, parsed.covers) == (1, DateRange.day(DAY))
        assert parsed.page.stated_date == DAY
    members = envelope([{"Code": "YP", "Name": "MIRAE", "License": "Perantara Pedagang Efek"}])
    parsed = SOURCE.table("members").parse(answer(members, JSON), ALL)
    assert (parsed.rows, parsed.covers) == (1, None)
    # So that they count as those of the session on which they are asked for.
    assert not states_sessions(SOURCE.table("members"))
    found = accept(SOURCE.table("members"), "all", answer(members, JSON), date(2021, 1, 20))
    assert (found.rows, found.covers, found.closed_reason) == (1, None, None)
