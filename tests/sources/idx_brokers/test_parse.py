"""The broker page: the recorded one, small ones in its markup, and everything that is not it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import lxml.html
import pytest

from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    ConsentPage,
    Drift,
    HalfTable,
    LoginWall,
    MissingPanel,
    Refused,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.source import DateRange, Parsed, Unit
from fin_assets.sources.idx_brokers.failures import UnknownTicker
from fin_assets.sources.idx_brokers.page import read_date
from fin_assets.sources.idx_brokers.parse import BrokerPage, parse_broker_page, parse_broker_trades
from tests.sources.accepting import HTML, answer
from tests.sources.idx_brokers.builders import DAY, Sheet, row, sample, sheet

RECORDED = "ipot_BBCA_20221010_brokersummary_browser-dom.html"
SMALL = sheet({"YP": 30, "AK": 20}, {"CC": 50}, kinds={"AK": "foreign", "CC": "bumn"})


def read(body: bytes, unit: str = "TEST/all/all") -> Parsed:
    return parse_broker_trades(answer(body), Unit(name=unit))


def recorded() -> bytes:
    return sample(RECORDED).read_bytes()


def module_of(body: bytes) -> bytes:
    """Return the module as it is served on its own: in the recording it stands between two comments."""
    start = body.index(b"<!--DATA BROKER SUMMARY-->")
    return body[start : body.index(b"<!-- ===", start)]


def test_the_recorded_page_gives_exactly_the_values_of_its_parsed_twin():
    page = parse_broker_page(recorded(), content_type=HTML)
    [(day, twin)] = json.loads(sample("ipot_BBCA_20221010_parsed.json").read_text()).items()
    assert (page.start, page.end) == (date(2022, 10, 10),) * 2
    assert day == "10/10/2022"
    for side, title, names in ((page.buy, "Top Buyer", ("Buyer", "B")), (page.sell, "Top Seller", ("Seller", "S"))):
        who, short = names
        expected = [twin[title][str(place)] for place in range(1, 11)]
        assert [(line.broker, line.lots.value, line.value.value, line.average) for line in side] == [
            (line[who], line[f"{short}.Lot"], line[f"{short}.Val"], line[f"{short}.Avg"]) for line in expected
        ]
        assert all(line.lots.step == 1 and line.value.step == 10**8 for line in side)


def test_the_recorded_page_states_its_totals_and_how_much_it_shows():
    page = parse_broker_page(recorded(), content_type=HTML)
    assert page.footer is not None
    assert (page.footer.value.value, page.footer.value.step) == (883_700_000_000, 100_000_000)
    assert (page.footer.foreign_net_value.value, page.footer.foreign_net_value.step) == (-4_800_000_000, 100_000_000)
    assert (page.footer.lots.value, page.footer.lots.step) == (1_100_000, 100_000)
    assert page.footer.average == Decimal(8249)
    assert page.visible_lots == (952_387, 936_784)
    assert page.maybe_cut
    assert not page.offers_more
    assert not page.proves_itself
    least, most = page.coverage_bounds()
    # The total is "1.1 M": from 1,050,000 to less than 1,200,000 lots.
    assert least == pytest.approx(936_784 / 1_199_999)
    assert most == pytest.approx(936_784 / 1_050_000)


def test_the_recorded_page_says_what_it_is_of_and_paints_brokers_by_type():
    page = parse_broker_page(recorded(), content_type=HTML)
    assert page.ticker == "BBCA"
    kinds = {line.broker: line.kind for line in (*page.buy, *page.sell)}
    assert (kinds["AK"], kinds["CC"], kinds["PD"]) == ("foreign", "bumn", "local")


def test_the_recorded_page_is_no_utf_8_and_is_read_all_the_same():
    body = recorded()
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert parse_broker_page(body).encoding == "windows-1252"
    assert parse_broker_page(module_of(body)).encoding == "utf-8"


def test_the_bare_module_says_the_same_as_the_page_around_it():
    whole, bare = parse_broker_page(recorded()), parse_broker_page(module_of(recorded()))
    assert bare.ticker is None
    assert replace(whole, ticker=None, encoding="utf-8") == bare


def test_the_recorded_page_is_truncated_wherever_it_is_cut_within_its_table():
    body = module_of(recorded())
    begin, end = body.index(b"<tr>"), body.rindex(b"</table")
    for cut in range(begin, end, 97):
        with pytest.raises(TruncatedBody):
            parse_broker_page(body[:cut])


def test_a_short_side_ends_where_its_cells_are_empty():
    page = parse_broker_page(SMALL.body())
    assert [line.broker for line in page.buy] == ["YP", "AK"]
    assert [line.broker for line in page.sell] == ["CC"]
    assert [line.kind for line in (*page.buy, *page.sell)] == ["local", "foreign", "bumn"]
    assert page.rows == 2
    assert page.proves_itself


def test_a_page_may_have_only_sellers():
    page = parse_broker_page(replace(SMALL, buy=()).body())
    assert (len(page.buy), len(page.sell)) == (0, 1)


@pytest.mark.parametrize("average", ["0 ", "", "nan", "NAN"])
def test_a_table_of_nothing_may_have_rows_of_nothing(average):
    body = Sheet(average=average).html()
    nothing = '<td><span class="text-"></span></td><td><span class="text-up">0 </span></td><td>0 </td><td></td>'
    filled = body.replace("<tbody>", f"<tbody><tr>{nothing}<td>1</td>{nothing}</tr>").encode()
    page = parse_broker_page(filled)
    assert (page.rows, page.buy, page.sell) == (0, (), ())
    assert page.footer is not None
    assert page.footer.lots.value == 0
    with pytest.raises(Drift, match="figures and no code"):
        parse_broker_page(filled.replace(b'"text-up">0 ', b'"text-up">7 '))


def test_an_average_that_is_no_number_is_null_and_named_where_there_are_lots():
    page = parse_broker_page(replace(SMALL, average="nan").body())
    assert page.footer.average is None
    assert list(map(str, page.unread)) == ["Avg of the totals: 'nan'"]


def test_lots_and_values_may_be_abbreviated_with_and_without_a_blank():
    page = parse_broker_page(
        Sheet(buy=[("YP", "1.2 M", "1.7B", "14,166 ")], sell=[("AK", "1.2M", "1.7 T", "1 ")]).body()
    )
    assert [line.lots.value for line in (*page.buy, *page.sell)] == [1_200_000] * 2
    assert [line.value.value for line in (*page.buy, *page.sell)] == [1_700_000_000, 1_700_000_000_000]


@pytest.mark.parametrize(
    ("link", "offers"),
    [
        ('<a class="more" href="?list=full">more</a>', True),
        ('<a href="/all">Selengkapnya »</a>', True),
        ('<a href="/all">Lihat semua</a>', True),
        ('<a href="/help">Moreover</a>', False),
        ("", False),
    ],
)
def test_a_link_to_the_complete_list_is_seen(link, offers):
    page = parse_broker_page(replace(SMALL, more=link).body())
    assert page.offers_more is offers
    assert page.maybe_cut is offers


def test_ten_rows_may_be_a_cut_list_and_eleven_are_not():
    for count, cut in ((9, False), (10, True), (11, False)):
        lots = {f"A{letter}": 5 for letter in "ABCDEFGHIJK"[:count]}
        assert parse_broker_page(sheet(lots, {"ZZ": 5 * count}).body()).maybe_cut is cut


@pytest.mark.parametrize(
    "text",
    [
        "10/10/2022",
        "10 October 2022",
        "10 Oktober 2022",
        "10 Oct 2022",
        "10-Okt-2022",
        "2022-10-10",
        " 10  October  2022 ",
    ],
)
def test_dates_are_read_in_every_form_of_the_form(text):
    assert read_date(text, where="start") == date(2022, 10, 10)
    page = parse_broker_page(replace(SMALL, start=text, end=text).body())
    assert page.start == page.end == date(2022, 10, 10)


def test_the_month_comes_first_between_slashes():
    assert read_date("12/01/2022", where="start") == date(2022, 12, 1)
    months = ["Januari", "Pebruari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober"]
    assert [read_date(f"1 {name} 2022", where="start").month for name in months] == list(range(1, 11))


@pytest.mark.parametrize("text", ["13/01/2022", "30 February 2022", "1 Smarch 2022", "yesterday", "01.02.2022", ""])
def test_a_date_that_cannot_be_is_drift(text):
    with pytest.raises(Drift):
        parse_broker_page(replace(SMALL, start=text).body())


def test_a_range_of_days_is_drift():
    body = replace(SMALL, end="01/20/2021").body()
    with pytest.raises(Drift, match="2021-01-19 to 2021-01-20") as caught:
        read(body)
    assert caught.value.body == body


def test_a_page_of_another_ticker_board_or_investor_is_drift():
    body = SMALL.body() + b'<input type="hidden" id="stockPageCode" value="BBCA">'
    assert read(body, "BBCA/all/all").rows == 2
    for sent, unit, said in (
        (body, "BBRI/all/all", "ticker BBCA"),
        (replace(SMALL, board="NG").body(), "TEST/RG/all", "board NG"),
        (replace(SMALL, investor="F").body(), "TEST/all/D", "investor type F"),
    ):
        with pytest.raises(Drift, match=said):
            read(sent, unit)


def test_a_page_states_its_own_date_whatever_was_asked_for():
    assert read(SMALL.body()).covers == DateRange.day(DAY)


def test_an_empty_body_is_an_empty_page_that_proves_nothing():
    for body in (b"", b" \r\n"):
        parsed = read(body)
        assert (parsed.rows, parsed.page, parsed.empty_reason) == (0, BrokerPage(), None)
        assert parsed.covers is None, "it states no date"
    with pytest.raises(ValueError, match="empty page"):
        BrokerPage().coverage_bounds()


def test_a_table_without_rows_whose_totals_are_not_zero_is_half_a_table():
    none = Sheet()
    assert read(none.body()).rows == 0
    with pytest.raises(HalfTable, match="7"):
        read(replace(none, lots="7 ").body())


def test_an_unknown_ticker_is_what_the_site_says():
    with pytest.raises(UnknownTicker) as caught:
        parse_broker_page(b"Invalid stock code", content_type=HTML)
    assert caught.value.retryable
    assert "skip_tickers" in caught.value.remedy


DRIFTS = {
    "a missing column": (b'<th align="right">S.Lot</th>', b'<th align="right">?</th>', "S.Lot"),
    "lots below zero": (b">30 <", b">-30 <", "below zero"),
    "lots of thousands of digits": (b">30 <", b">" + b"3" * 5000 + b"<", "30|33"),
    "a renamed column": (b">B.Val<", b">B.Amount<", "B.Amount"),
    "another broker code": (b">CC<", b">C-1<", "C-1"),
    "an unreadable number": (b">30 <", b">thirty <", "thirty"),
    "a number of another form": (b">3,000,000 <", b">3.000.000 <", "3.000.000"),
    "a doubled broker": (b'foreign">AK<', b'local">YP<', "YP is there twice"),
    "a row with a cell too many": (b'<td align="center">1</td>', b"<td></td><td></td>", "10 cells"),
    "no date": (b'id="startDateBrokerSummary"', b'id="from"', "startDateBrokerSummary"),
    "figures without a code": (b'<span class="text-bumn">CC</span>', b"", "no code"),
}


@pytest.mark.parametrize(("old", "new", "said"), DRIFTS.values(), ids=DRIFTS)
def test_what_the_page_never_had_is_drift(old, new, said):
    body = SMALL.body()
    assert old in body
    with pytest.raises(Drift, match=said) as caught:
        parse_broker_page(body.replace(old, new, 1))
    assert caught.value.body is not None


NOTED = {
    "no average": (
        b'<th align="right">S.Avg</th>',
        b'<th align="right">Price</th>',
        "column: 'Price'; no column: 'S.Avg'",
    ),
    "an unknown type of broker": (b"text-bumn", b"text-alien", "paint of 'CC': 'text-alien'; paint of broker CC"),
    "an unknown paint of figures": (b"text-up", b"text-sideways", "'text-sideways'"),
    "a broker without a type": (b'<span class="text-bumn">CC</span>', b"CC", "paint of broker CC"),
    "another total": (b"F. NVal :", b"T.Freq :", "unknown total: 'T.Freq"),
    "no average of the totals": (b"Avg : 1,000", b"Avg : 1.000.000", "Avg of the totals"),
    "an average in another form": (b">1,000 <", b">1.000.000 <", "average: '1.000.000'"),
    "a price beyond all": (b">1,000 <", b">" + b"9" * 30 + b"<", "average: '999"),
}


@pytest.mark.parametrize(("old", "new", "said"), NOTED.values(), ids=NOTED)
def test_what_no_identity_needs_is_null_and_named(old, new, said):
    body = SMALL.body()
    assert old in body
    whole, page = parse_broker_page(body), parse_broker_page(body.replace(old, new, 1))
    assert said in "; ".join(map(str, page.unread))
    for side in ("buy", "sell"):
        known = [(line.broker, line.lots, line.value) for line in getattr(whole, side)]
        assert [(line.broker, line.lots, line.value) for line in getattr(page, side)] == known
    assert read(body.replace(old, new, 1)).unread == page.unread


def test_a_further_column_is_left_out_and_named():
    cells = SMALL.html().replace('<td align="center">1</td>', "<td>7</td>" + '<td align="center">1</td>')
    body = cells.replace('<td align="center">2</td>', "<td>3</td>" + '<td align="center">2</td>')
    body = body.replace('<th align="right">#</th>', '<th align="right">B.Freq</th><th align="right">#</th>')
    page = parse_broker_page(body.encode())
    assert (page.buy, page.sell) == (parse_broker_page(SMALL.body()).buy, parse_broker_page(SMALL.body()).sell)
    assert list(map(str, page.unread)) == ["unknown column: 'B.Freq'"]


def test_a_broker_painted_in_two_types_has_none():
    body = sheet({"YP": 5}, {"YP": 5}).body().replace(b"text-local", b"text-foreign", 1)
    page = parse_broker_page(body)
    assert [line.kind for line in (*page.buy, *page.sell)] == [None, None]
    assert list(map(str, page.unread)) == ["paint of broker YP: 'foreign and local'"]


def test_a_table_that_was_cut_and_closed_by_a_library_is_half_a_table():
    body = SMALL.body()
    for cut in range(body.index(b"<thead>") + 60, body.index(b"T.Lot"), 23):
        closed = lxml.html.tostring(lxml.html.fragment_fromstring(body[:cut].decode(), create_parent=True))
        with pytest.raises((TruncatedBody, HalfTable)):
            parse_broker_page(closed)


def test_the_form_without_a_table_is_a_missing_panel():
    body = SMALL.body()
    with pytest.raises(MissingPanel):
        parse_broker_page(body[: body.index(b'<div class="table-responsive')])


def _page(title: str, words: str) -> bytes:
    return f"<html><head><title>{title}</title></head><body>{words}</body></html>".encode()


FOREIGN = {
    "a challenge": (_page("Just a moment...", "Checking your browser"), Refused),
    "attention": (_page("Attention Required! | Cloudflare", "Sorry, you have been blocked"), Refused),
    "a captcha": (_page("Check", "I am not a robot <div class='g-recaptcha'></div>"), CaptchaPage),
    "a login": (_page("Masuk", "<form><input type='password' name='p'></form>"), LoginWall),
    "a refusal": (_page("403", "Access denied"), Refused),
    "terms": (_page("Terms", "Read and accept the terms of use to continue"), ConsentPage),
    "a welcome": (_page("Welcome", "Nothing here"), WrongContentType),
    "half a page": (b"<html><head><title>Wel", TruncatedBody),
    "JSON": (b'{"error": "busy"}', WrongContentType),
    "no text": (bytes(range(256)) * 8, WrongContentType),
}


@pytest.mark.parametrize(("body", "kind"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_broker_page_is_named_for_what_it_is(body, kind):
    with pytest.raises(CollectionFailure) as caught:
        parse_broker_page(body, content_type=HTML)
    assert type(caught.value) is kind
    assert caught.value.remedy


def test_a_file_is_no_page_whatever_is_in_it():
    with pytest.raises(WrongContentType, match="application/json"):
        parse_broker_page(SMALL.body(), content_type="application/json")
    with pytest.raises(WrongContentType):
        parse_broker_page(b"", content_type="application/pdf")


def test_a_row_builder_prints_what_the_site_prints():
    assert row("YP", 308_724, 8_241) == ("YP", "308,724 ", "254,419,448,400 ", "8,241 ")
