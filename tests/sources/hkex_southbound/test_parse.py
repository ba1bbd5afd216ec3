"""The parser against small pages of every layout, broken pages, and recordings where they are at hand."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import lxml.html
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    ConsentPage,
    Drift,
    FormStateRefused,
    HalfTable,
    LoginWall,
    MissingPanel,
    Refused,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.sources.hkex_southbound.parse import (
    HOLDINGS_RAW,
    parse_holdings,
    parse_participants,
    require_market,
    require_own_page,
    require_stock,
)
from fin_assets.sources.hkex_southbound.reading import read_dates, read_integer, read_percent, read_stock_code
from tests.sources.hkex_southbound.builders import (
    COOKIE_BANNER,
    HOLDINGS,
    PARTICIPANTS,
    Holding,
    HoldingsHtml,
    Layout,
    ParticipantsHtml,
    landing,
    page,
)

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "samples" / "hkexnews"
DAY = date(2024, 9, 2)
LAYOUTS: tuple[Layout, ...] = ("modern", "plain", "browser", "legacy")


def sample(name: str) -> bytes:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"the recording {name} is not at hand (../shared/samples/hkexnews)")
    return path.read_bytes()


# ---------------------------------------------------------------- holdings, every layout


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("language", ["en", "zh", "gb"])
@pytest.mark.parametrize("market", ["hk", "sh", "sz"])
def test_every_layout_language_and_market_gives_the_same_rows(layout: Layout, language: str, market: str) -> None:
    day = "02/09/2024" if layout == "legacy" else "2024/09/02"
    got = parse_holdings(HoldingsHtml(layout=layout, language=language, market=market, day=day).body())
    assert (got.stated_date, got.market) == (DAY, market)
    assert got.page_language == ("en" if language == "en" else "zh")
    assert dict(got.rows.schema) == HOLDINGS_RAW
    assert got.rows.rows() == [
        ("00001", "ALPHA HOLDINGS LIMITED", "en", None, 22_908_430, 0.59),
        ("00700", "BETA LIMITED", "en", None, 1_000, None),
        ("02888", "甲乙控股", "zh", None, 9_007_199_254, 100.0),
        ("09988", "GAMMA GROUP - W", "en", None, 7, 0.0),
    ]


def test_the_label_for_small_screens_is_never_glued_to_the_value() -> None:
    rows = parse_holdings(HoldingsHtml().body()).rows
    assert not rows["stock_name"].str.contains("Stock Name").any()


def test_the_a_share_code_is_taken_from_the_name_which_stays_as_printed() -> None:
    row = Holding("90519", "SPIRITS CO.,LTD. (A #600519)", "58,733,069", "4.69%")
    got = parse_holdings(HoldingsHtml(market="sh", rows=[row]).body()).rows
    assert got.select("stock_code", "stock_name", "a_share_code").row(0) == ("90519", row.name, "600519")


def test_the_heading_states_the_date_and_a_form_field_does_not() -> None:
    assert parse_holdings(HoldingsHtml(day="2024/08/30", asked="2024/09/01").body()).stated_date == date(2024, 8, 30)


def test_a_heading_without_a_date_is_drift() -> None:
    with pytest.raises(Drift, match="no date"):
        parse_holdings(HoldingsHtml(day="").body())


def test_a_heading_with_an_impossible_date_is_drift() -> None:
    with pytest.raises(Drift, match="2024/02/30"):
        parse_holdings(HoldingsHtml(day="2024/02/30").body())


def test_entities_full_width_digits_and_odd_blanks_are_read() -> None:
    rows = [Holding("\u00a0 ７００\u3000", "A & B <C>  LTD\u200b", "１，０００", "０.５９％")]  # noqa: RUF001 - the point
    got = parse_holdings(b"\xef\xbb\xbf" + HoldingsHtml(rows=rows).body()).rows
    assert got.rows() == [("00700", "A & B <C> LTD", "en", None, 1000, 0.59)]


def test_a_page_in_a_declared_older_encoding_is_read() -> None:
    body = HoldingsHtml(language="gb").body().decode().replace("UTF-8", "GB2312").encode("gb18030")
    assert parse_holdings(body.replace(b"GB2312", b"gb18030")).rows["stock_name"][2] == "甲乙控股"


def test_a_label_means_to_the_parser_what_it_means_to_a_browser() -> None:
    # GB2312 itself lacks two of these characters, Big5 without Hong Kong's supplement the first.
    for label, encoding, name in (
        ("GB2312", "gb18030", "润堃喆"),
        ("gbk", "gb18030", "润堃喆"),
        ("big5", "big5hkscs", "嘅潤"),
    ):
        rows = [replace(HOLDINGS[2], name=name)]
        language = "zh" if label == "big5" else "gb"
        page = HoldingsHtml(language=language, rows=rows).body().decode()
        body = page.replace('charset="UTF-8"', f'charset="{label}"').encode(encoding)
        assert parse_holdings(body).rows["stock_name"].to_list() == [name]
        # A header goes before the page's own label.
        wrong = page.replace('charset="UTF-8"', 'charset="euc-jp"').encode(encoding)
        assert parse_holdings(wrong, content_type=f"text/html; charset={label}").rows["stock_name"].to_list() == [name]


def test_bytes_of_no_known_encoding_are_drift() -> None:
    with pytest.raises(Drift, match="not utf-8"):
        parse_holdings(HoldingsHtml().body().replace(b"BETA", b"BET\xff"))


def test_an_address_of_one_market_with_the_table_of_another_is_drift() -> None:
    body = HoldingsHtml(market="sh").body().replace(b"?t=sh", b"?t=hk")
    with pytest.raises(Drift, match="market"):
        parse_holdings(body)


def test_the_market_is_known_without_an_address() -> None:
    assert parse_holdings(HoldingsHtml(market="sz").body().replace(b"?t=sz", b"")).market == "sz"


def test_a_page_of_another_unit_is_refused() -> None:
    got = parse_holdings(HoldingsHtml(market="sh").body())
    require_market(got, "sh/en")
    with pytest.raises(Drift, match="asked for hk/en, the page is of sh/en"):
        require_market(got, "hk/en")


# ---------------------------------------------------------------- holdings, broken


@pytest.mark.parametrize("layout", ["modern", "plain", "browser"])
@pytest.mark.parametrize("column", ["code", "shares"])
def test_a_column_whose_class_is_renamed_is_drift_that_names_it(layout: Layout, column: str) -> None:
    html = HoldingsHtml(layout=layout)
    html.classes[column] = "col-renamed"
    with pytest.raises(Drift, match="col-renamed"):
        parse_holdings(html.body())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("column", ["code", "shares"])
def test_a_column_whose_heading_is_renamed_is_drift_that_names_it(layout: Layout, column: str) -> None:
    with pytest.raises(Drift, match="Turnover"):
        parse_holdings(HoldingsHtml(layout=layout, headings={column: "Turnover"}).body())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("column", ["code", "shares"])
def test_a_missing_column_is_drift_that_names_it(layout: Layout, column: str) -> None:
    html = HoldingsHtml(layout=layout)
    with pytest.raises(Drift, match=f"{html.classes[column]} is missing"):
        parse_holdings(replace(html, columns=[name for name in html.columns if name != column]).body())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("column", "values"), [("name", "stock_name"), ("percent", "pct_of_issued")])
def test_a_column_that_no_identity_needs_may_be_renamed_or_missing(layout: Layout, column: str, values: str) -> None:
    html = HoldingsHtml(layout=layout)
    renamed = replace(html, headings={column: "Turnover"})
    without = replace(html, columns=[name for name in html.columns if name != column])
    whole = parse_holdings(html.body())
    assert whole.unread == ()
    for changed in (renamed, without):
        got = parse_holdings(changed.body())
        assert got.rows.drop(values, "name_language", "a_share_code").equals(
            whole.rows.drop(values, "name_language", "a_share_code")
        )
        assert got.rows[values].null_count() == len(HOLDINGS)
        assert html.classes[column] in " ".join(map(str, got.unread))


@pytest.mark.parametrize("layout", ["modern", "plain", "browser"])
def test_a_column_that_is_not_known_is_left_out_and_named(layout: Layout) -> None:
    body = HoldingsHtml(layout=layout).body()
    before = re.compile(rb'<(t[hd])(?=[^>]*col-shareholding["\s])', re.IGNORECASE)
    further, times = before.subn(rb'<\1 class="col-board-size">Board 500</\1><\1', body)
    assert times > len(HOLDINGS)
    got = parse_holdings(further)
    assert got.rows.equals(parse_holdings(HoldingsHtml(layout=layout).body()).rows)
    assert [note.where for note in got.unread] == ["column"]
    assert "col-board-size" in got.unread[0].shown


def test_swapped_headings_are_drift() -> None:
    with pytest.raises(Drift, match="heading"):
        parse_holdings(HoldingsHtml(headings={"code": "Stock Name", "name": "Stock Code"}).body())


def test_cells_swapped_under_their_headings_are_drift() -> None:
    code, name = b'<td class="col-stock-code">', b'<td class="col-stock-name">'
    body = HoldingsHtml().body().replace(code, b"<td X>").replace(name, code).replace(b"<td X>", name)
    with pytest.raises(Drift, match="row 1: column col-stock-code"):
        parse_holdings(body)


def test_columns_in_another_order_are_found() -> None:
    got = parse_holdings(HoldingsHtml(columns=("percent", "name", "shares", "code")).body())
    assert got.rows.equals(parse_holdings(HoldingsHtml().body()).rows)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_row_without_a_cell_is_drift_and_a_last_row_without_one_was_cut(layout: Layout) -> None:
    body = HoldingsHtml(layout=layout, day="2024/09/02").body()
    end = body.rindex(b"</TD>" if layout == "browser" else b"</td>", 0, body.index(b"</table>", body.index(b"BETA")))
    start = max(body.rindex(b"<td", 0, end), body.rfind(b"<TD", 0, end))
    with pytest.raises(TruncatedBody, match="middle of row 4: 3 of 4 cells"):
        parse_holdings(body[:start] + body[end + 5 :])
    further = [*HOLDINGS, Holding("5", "DELTA", "1", "")]
    longer = HoldingsHtml(layout=layout, day="2024/09/02", rows=further).body()
    assert longer[:end] == body[:end]
    with pytest.raises(Drift, match="row 4 has 3 cells"):
        parse_holdings(longer[:start] + longer[end + 5 :])


def test_a_header_that_a_browser_saved_twice_does_not_hide_the_rows() -> None:
    body = HoldingsHtml(layout="browser").body()
    table = body[body.index(b"<table id=") : body.index(b"</thead>") + len(b"</thead>")]
    got = parse_holdings(body.replace(b'<div class="table-scroller">', b"<div>" + table + b"</table></div><div>"))
    assert got.rows.height == len(HOLDINGS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_title_above_the_columns_is_no_row(layout: Layout) -> None:
    body = HoldingsHtml(layout=layout).body()
    title = b'<tr><td colspan="4">Southbound</td></tr>'
    start = b'class="result">' if layout == "legacy" else b"<thead>"
    assert parse_holdings(body.replace(start, start + title)).rows.height == len(HOLDINGS)


def test_a_header_repeated_between_the_rows_is_no_row() -> None:
    body = HoldingsHtml().body()
    header = body[body.index(b"<thead>") + 7 : body.index(b"</thead>")]
    assert parse_holdings(body.replace(b"<tbody>", b"<tbody>" + header)).rows.height == len(HOLDINGS)


def test_a_row_above_the_header_is_not_lost_silently() -> None:
    body = HoldingsHtml(layout="legacy", day="02/09/2024").body()
    start = body.index(b'<tr class="row0">')
    row = body[start : body.index(b"</tr>", start) + 5]
    with pytest.raises(Drift, match="both have stock code 00001"):
        parse_holdings(body.replace(b'class="result">', b'class="result">' + row))


def test_a_value_that_lost_its_place_is_drift_and_not_its_label() -> None:
    body = HoldingsHtml().body().replace(b'<div class="mobile-list-body">1,000</div>', b"")
    with pytest.raises(Drift, match="row 2: column col-shareholding has a label but no value"):
        parse_holdings(body)


@pytest.mark.parametrize("shares", ["", "-", "1,00", "1.5", "12 345", "1e6", "-5", "1,0000", "N/A", "9" * 19])
def test_an_unreadable_holding_is_drift_that_names_row_and_text(shares: str) -> None:
    rows = [*HOLDINGS[:1], replace(HOLDINGS[1], shares=shares)]
    with pytest.raises(Drift, match=r"row 2 \(00700\), shareholding"):
        parse_holdings(HoldingsHtml(rows=rows).body())


UNREADABLE = ["-", "0,59%", "1.2.3%", "%", "<0.01%", "n.a.", "1e30", "1" + "0" * 30, "nan", "inf", "-1%", "9" * 5000]


@pytest.mark.parametrize("percent", UNREADABLE, ids=lambda text: text[:8])
def test_an_unreadable_percent_is_null_and_named(percent: str) -> None:
    got = parse_holdings(HoldingsHtml(rows=[replace(HOLDINGS[1], percent=percent)]).body())
    assert got.rows["pct_of_issued"].to_list() == [None]
    assert [note.where for note in got.unread] == ["row 1 (00700), percent"]
    assert percent[:4] in got.unread[0].shown


@pytest.mark.parametrize("code", ["", "ABC", "123456", "00000", "7 00"])
def test_an_unreadable_code_is_drift_that_names_the_row(code: str) -> None:
    with pytest.raises(Drift, match="row 1, stock code"):
        parse_holdings(HoldingsHtml(rows=[replace(HOLDINGS[0], code=code)]).body())


def test_a_code_that_comes_twice_is_drift() -> None:
    with pytest.raises(Drift, match="rows 1 and 5 both have stock code 00001"):
        parse_holdings(HoldingsHtml(rows=[*HOLDINGS, HOLDINGS[0]]).body())


def test_a_stock_without_a_name_is_kept_and_named() -> None:
    got = parse_holdings(HoldingsHtml(rows=[replace(HOLDINGS[0], name=" ")]).body())
    assert got.rows.select("stock_code", "stock_name", "shareholding_shares").rows() == [("00001", None, 22_908_430)]
    assert list(map(str, got.unread)) == ["row 1 (00001), name: nothing"]


def test_a_failure_carries_the_bytes_that_showed_it() -> None:
    body = HoldingsHtml(day="").body()
    with pytest.raises(Drift) as caught:
        parse_holdings(body)
    assert caught.value.body == body


def test_a_table_without_rows_is_a_half_table_and_not_an_empty_list() -> None:
    with pytest.raises(HalfTable, match="holdings of hk on 2024-09-02"):
        parse_holdings(HoldingsHtml(rows=[]).body())


def test_a_table_without_rows_for_which_the_site_gives_its_word_is_a_missing_result() -> None:
    with pytest.raises(MissingPanel, match="No record"):
        parse_holdings(HoldingsHtml(rows=[], alert="No record found").body())


def test_the_landing_page_is_a_missing_panel_that_quotes_the_site() -> None:
    for parse in (parse_holdings, parse_participants):
        with pytest.raises(MissingPanel, match="the site says: 'Date is out of range'"):
            parse(landing(alert="Date is out of range"))


def test_a_panel_without_a_table_is_a_missing_panel() -> None:
    body = page('<div id="pnlResult"><p>Nothing here</p></div>', action="./mutualmarket.aspx?t=hk")
    with pytest.raises(MissingPanel, match="Nothing here"):
        parse_holdings(body)


# ---------------------------------------------------------------- pages that are not the site's


def html(title: str, content: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{content}</body></html>".encode()


FOREIGN: list[tuple[bytes, type[CollectionFailure]]] = [
    (b"", WrongContentType),
    (b" \r\n ", WrongContentType),
    (b'{"error": "unavailable"}', WrongContentType),
    (b"%PDF-1.7 ...", WrongContentType),
    (b"Service is fine", WrongContentType),
    (html("Home", "<p>Welcome to the exchange</p>"), WrongContentType),
    (html("Security check", '<div class="g-recaptcha" data-sitekey="x"></div>'), CaptchaPage),
    (html("Just a moment", "<p>Checking your browser before you go on</p>"), Refused),
    (html("Verify", "<form><p>Please verify that you are human</p><input name='captcha'></form>"), CaptchaPage),
    (html("Sign in", "<form><input name='user'><input type='password' name='p'></form>"), LoginWall),
    (html("Members", "<p>Please log in to continue</p>"), LoginWall),
    (html("Cookie consent", "<p>We need your consent.</p><button>I agree</button>"), ConsentPage),
    (html("Terms of Use", "<p>Terms of use</p><form><button>Accept and continue</button></form>"), ConsentPage),
    (html("使用條款", "<p>請先閱讀</p><button>本人同意</button>"), ConsentPage),
    (
        html("Error", "<h2>Validation of viewstate MAC failed. If this application is hosted by a farm</h2>"),
        FormStateRefused,
    ),
    (html("Error", "<h2>Invalid postback or callback argument.</h2>"), FormStateRefused),
    (html("Access Denied", "<p>You don't have permission.</p>"), Refused),
    (b"<html><head><title>Search</title>", TruncatedBody),
]


@pytest.mark.parametrize(
    ("body", "failure"), FOREIGN, ids=lambda value: value.__name__ if isinstance(value, type) else ""
)
def test_what_is_not_the_search_page_is_named_for_what_it_is(body: bytes, failure: type[CollectionFailure]) -> None:
    for read in (require_own_page, parse_holdings, parse_participants):
        with pytest.raises(failure) as caught:
            read(body)
        assert type(caught.value) is failure
        assert caught.value.body == body


def test_a_challenge_inside_the_search_page_is_a_captcha() -> None:
    with pytest.raises(CaptchaPage):
        parse_holdings(page('<div class="h-captcha"></div>', action="./mutualmarket.aspx?t=hk"))


def test_another_content_type_is_refused_whatever_the_bytes_are() -> None:
    with pytest.raises(WrongContentType, match="application/json"):
        parse_holdings(HoldingsHtml().body(), content_type="application/json; charset=utf-8")
    assert parse_holdings(HoldingsHtml().body(), content_type="Text/HTML; charset=UTF-8").rows.height == len(HOLDINGS)


def test_the_cookie_banner_and_terms_of_a_real_page_do_not_make_it_a_consent_page() -> None:
    require_own_page(HoldingsHtml(layout="browser").body())
    require_own_page(landing())


# ---------------------------------------------------------------- cuts


def _cut_is_noticed(body: bytes, share: float, parse: Callable[[bytes], object]) -> None:
    """Any cut that loses more than the end of the document raises; none gives a page."""
    end = body.rindex(b"</html>")
    with pytest.raises(CollectionFailure):
        parse(body[: int(end * share)])


@settings(max_examples=150, deadline=None)
@given(share=st.floats(0, 1), layout=st.sampled_from(LAYOUTS))
def test_a_page_of_holdings_cut_anywhere_never_gives_a_page(share: float, layout: Layout) -> None:
    _cut_is_noticed(HoldingsHtml(layout=layout, rows=HOLDINGS).body(), share, parse_holdings)


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1))
def test_a_page_of_participants_cut_anywhere_never_gives_a_page(share: float) -> None:
    _cut_is_noticed(ParticipantsHtml().body(), share, parse_participants)


def test_a_page_cut_inside_the_table_is_a_truncated_body() -> None:
    body = HoldingsHtml().body()
    with pytest.raises(TruncatedBody):
        parse_holdings(body[: body.index(b"BETA")])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_hole_in_a_page_of_participants_never_gives_fewer_rows(data: st.DataObject) -> None:
    body = ParticipantsHtml().body()
    start = data.draw(st.integers(body.index(b"<tbody>"), body.index(b"</tbody>") - 1))
    hole = data.draw(st.integers(1, body.index(b"</tbody>") - start))
    try:
        got = parse_participants(body[:start] + body[start + hole :])
    except CollectionFailure:
        return
    assert got.rows.height == len(PARTICIPANTS)


# ---------------------------------------------------------------- participants


@pytest.mark.parametrize("language", ["en", "zh", "gb"])
@pytest.mark.parametrize("layout", ["modern", "plain", "browser"])
def test_participants_are_read_in_every_language_and_layout(language: str, layout: Layout) -> None:
    got = parse_participants(ParticipantsHtml(language=language, layout=layout).body())
    assert (got.stated_date, got.stock_code, got.stock_name) == (DAY, "00700", "BETA LIMITED")
    assert got.page_language == ("en" if language == "en" else "zh")
    assert got.issued_shares == 10_000_000
    assert (got.summary.market_intermediaries.shares, got.summary.market_intermediaries.participants) == (806_000, 5)
    assert (got.summary.consenting.shares, got.summary.consenting.participants) == (30_000, 2)
    assert (got.summary.non_consenting.shares, got.summary.total.shares) == (5_000, 841_000)
    columns = [
        "line_no",
        "participant_id",
        "participant_name",
        "participant_kind",
        "is_consenting",
        "shareholding_shares",
    ]
    assert got.rows.select(columns).rows() == [
        (1, "C00019", "THE FIRST BANK", "custodian", False, 500_000),
        (2, "A00003", "MAINLAND DEPOSITORY", "clearing", False, 300_000),
        (3, None, "CHAN TAI MAN", "investor", True, 20_000),
        (4, None, "LEE SIU MING", "investor", True, 10_000),
        (5, "B01451", "A BROKER LTD", "broker", False, 9_000),
        (6, "P00001", "A PLEDGEE", "pledgee", False, 1_000),
        (7, "B01999", "A BROKER IN RECTIFICATION", "broker", False, -4_000),
    ]
    assert got.rows["pct_of_issued"].to_list() == [5.0, 3.0, 0.2, 0.1, 0.09, 0.1, -0.04]
    assert set(got.rows["address"]) == {"1 TEST STREET & LANE"}


def test_lines_that_the_summary_leaves_out_are_zero() -> None:
    rows = [row for row in PARTICIPANTS if "*" not in row.name]
    got = parse_participants(ParticipantsHtml(rows=rows, non_consenting=None).body())
    assert (got.summary.consenting.shares, got.summary.non_consenting.participants) == (0, 0)
    assert got.rows.height == len(rows)


def test_a_page_without_percents_and_issued_shares_has_nulls() -> None:
    got = parse_participants(ParticipantsHtml(percent=False, issued=None).body())
    assert got.issued_shares is None
    assert got.rows["pct_of_issued"].null_count() == len(PARTICIPANTS)
    assert got.summary.total.pct_of_issued is None


def test_a_page_of_2019_states_the_date_in_the_bar_with_the_day_first() -> None:
    body = ParticipantsHtml(original=None, bar="30/10/2019", day="2019/10/30").body()
    assert parse_participants(body).stated_date == date(2019, 10, 30)


def test_a_form_that_a_browser_saved_without_values_leaves_the_bar_to_name_the_stock() -> None:
    bar = b'<div class="search-bar__selectedItem-filter searchStock">\n00700 <b>BETA LIMITED</b>\n</div>'
    body = (
        ParticipantsHtml(code="", name="")
        .body()
        .replace(b'<div id="pnlResultSummary">', bar + b'<div id="pnlResultSummary">')
    )
    got = parse_participants(body)
    assert (got.stock_code, got.stock_name) == ("00700", "BETA LIMITED")


def test_dates_of_participants_that_disagree_are_drift() -> None:
    with pytest.raises(Drift, match="the date of the participants is unclear"):
        parse_participants(ParticipantsHtml(bar="2024/08/30").body())


def test_fewer_participants_than_the_summary_counts_is_a_half_table_with_the_numbers() -> None:
    with pytest.raises(HalfTable, match="lists 4 participants, its own summary counts 7"):
        parse_participants(ParticipantsHtml(listed=PARTICIPANTS[:4]).body())


def test_no_participants_at_all_is_a_half_table() -> None:
    with pytest.raises(HalfTable, match="lists 0 participants"):
        parse_participants(ParticipantsHtml(listed=[]).body())


def test_more_participants_than_the_summary_counts_is_drift() -> None:
    with pytest.raises(Drift, match="lists 8 participants, more than the 7"):
        parse_participants(ParticipantsHtml(listed=[*PARTICIPANTS, PARTICIPANTS[0]]).body())


def test_shares_that_are_not_those_of_the_summary_are_drift_with_the_numbers() -> None:
    listed = [replace(PARTICIPANTS[0], shares=500_001), *PARTICIPANTS[1:]]
    with pytest.raises(Drift, match=r"806,001 shares.*summary says 5 with 806,000"):
        parse_participants(ParticipantsHtml(listed=listed).body())


def test_a_summary_that_does_not_add_up_is_drift() -> None:
    with pytest.raises(Drift, match="add up to 841,000 shares, its total says 1"):
        parse_participants(ParticipantsHtml(summary={"total": (1, 10)}).body())


def test_an_unknown_line_of_the_summary_is_drift_that_names_it() -> None:
    with pytest.raises(Drift, match="Anonymous Investors"):
        parse_participants(
            ParticipantsHtml().body().replace(b">Non-consenting Investor Participants<", b">Anonymous Investors<")
        )


def test_an_unknown_letter_is_another_kind_and_a_bad_id_is_drift() -> None:
    rows = [replace(PARTICIPANTS[0], participant_id="Z00001")]
    assert parse_participants(ParticipantsHtml(rows=rows).body()).rows["participant_kind"].to_list() == ["other"]
    with pytest.raises(Drift, match="'C19' is not a participant id"):
        parse_participants(ParticipantsHtml(rows=[replace(PARTICIPANTS[0], participant_id="C19")]).body())


def test_a_row_without_id_and_mark_is_no_investor() -> None:
    rows = [replace(PARTICIPANTS[0], participant_id="", name="HONG KONG CLEARING COMPANY")]
    assert parse_participants(ParticipantsHtml(rows=rows).body()).rows["participant_kind"].to_list() == ["other"]


def test_a_page_of_another_stock_is_refused() -> None:
    got = parse_participants(ParticipantsHtml(code="5").body())
    require_stock(got, "00005")
    with pytest.raises(Drift, match="asked for 00700, the page is of 00005"):
        require_stock(got, "00700")


@pytest.mark.parametrize("column", ["col-participant-id", "col-participant-name", "col-shareholding"])
def test_a_renamed_column_of_participants_is_drift_that_names_it(column: str) -> None:
    body = ParticipantsHtml().body().replace(f'"{column}'.encode(), b'"col-renamed')
    with pytest.raises(Drift, match="col-renamed"):
        parse_participants(body)


def test_participants_without_addresses_or_with_percents_of_nonsense_are_kept() -> None:
    html = ParticipantsHtml().body()
    whole = parse_participants(html)
    got = parse_participants(html.replace(b'"col-address', b'"col-renamed'))
    assert got.rows.drop("address").equals(whole.rows.drop("address"))
    assert "col-renamed" in " ".join(map(str, got.unread))
    for row in whole.rows.filter(pl.col("pct_of_issued").is_not_null()).head(1).iter_rows(named=True):
        shown = f"{row['pct_of_issued']:.2f}%".encode()
        assert shown in html
        bent = parse_participants(html.replace(shown, b"1" + b"0" * 30 + b"%"))
        assert bent.rows["pct_of_issued"].null_count() > whole.rows["pct_of_issued"].null_count()
        assert bent.unread


# ---------------------------------------------------------------- cut, and closed again


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("behind", [b"", COOKIE_BANNER.encode()], ids=["nothing behind", "a banner behind"])
def test_a_list_that_was_cut_in_a_row_and_closed_by_a_library_was_cut(layout: Layout, behind: bytes) -> None:
    body = HoldingsHtml(layout=layout).body()
    row = body.index(b"BETA")
    for cut in (row - 3, row + 2, body.index(b"1,000", row) + 3, body.rindex(b"<", 0, row) + 2):
        closed = lxml.html.tostring(lxml.html.document_fromstring(body[:cut].decode()), encoding="utf-8")
        with pytest.raises(TruncatedBody):
            parse_holdings(closed.replace(b"</body>", behind + b"</body>"))


def test_participants_that_were_cut_and_closed_by_a_library_were_cut() -> None:
    body = ParticipantsHtml().body()
    table = body.index(b"<tbody>", body.index(b"pnlResultNormal"))
    for cut in range(body.index(b"pnlResultSummary") + 60, table + 1200, 97):
        closed = lxml.html.tostring(lxml.html.document_fromstring(body[:cut].decode()), encoding="utf-8")
        with pytest.raises((TruncatedBody, HalfTable)):
            parse_participants(closed)


# ---------------------------------------------------------------- texts


@given(st.integers(0, 2**63 - 1))
def test_a_number_survives_its_thousands_separators(value: int) -> None:
    assert read_integer(f"  {value:,} ", where="x") == value
    assert read_integer(str(value), where="x") == value


@given(st.integers(-(2**63) + 1, -1))
def test_a_number_below_zero_is_read_only_where_it_may_be(value: int) -> None:
    assert read_integer(f"{value:,}", where="x", negative=True) == value
    with pytest.raises(Drift, match="below zero"):
        read_integer(f"{value:,}", where="x")


@given(st.integers(0, 10_000))
def test_a_percent_with_two_decimals_is_read_to_the_last_digit(hundredths: int) -> None:
    assert read_percent(f"{hundredths // 100}.{hundredths % 100:02d}%", where="x") == round(hundredths / 100, 2)


@given(st.text(max_size=12))
def test_a_text_is_a_number_or_drift_and_nothing_else(text: str) -> None:
    for read in (read_integer, read_percent, read_stock_code):
        with suppress(Drift):
            read(text, where="x")


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_date_is_the_same_year_first_and_day_first(day: date) -> None:
    shown = [f"{day:%Y/%m/%d}", f"{day:%d/%m/%Y}", f"{day:%Y-%m-%d}", f"{day.year}年{day.month}月{day.day}日"]
    for text in shown:
        assert read_dates(f"Date: {text} ") == [day]


# ---------------------------------------------------------------- recordings


@pytest.mark.parametrize(
    ("name", "market", "rows", "last"),
    [
        ("mutualmarket_c_t-hk_20190125_zh-Hant_server.html", "hk", 564, ("08328", "信義香港", 145_000, 0.02)),
        ("mutualmarket_c_t-sh_20190125_zh-Hant_server.html", "sh", 845, ("93997", "繼峰股份", 161_260, 0.02)),
    ],
)
def test_the_recorded_list_is_read_whole(name: str, market: str, rows: int, last: tuple[object, ...]) -> None:
    got = parse_holdings(sample(name), content_type="text/html")
    assert (got.stated_date, got.market, got.page_language, got.rows.height) == (date(2019, 1, 25), market, "zh", rows)
    assert got.rows.select("stock_code", "stock_name", "shareholding_shares", "pct_of_issued").row(-1) == last


def test_the_recorded_list_has_empty_percents_and_english_names_on_a_chinese_page() -> None:
    rows = parse_holdings(sample("mutualmarket_c_t-hk_20190125_zh-Hant_server.html")).rows
    assert {"00425", "00520", "01357"} <= set(rows.filter(rows["pct_of_issued"].is_null())["stock_code"])
    assert rows.filter(rows["stock_code"] == "06886")["name_language"].to_list() == ["en"]


def test_the_recorded_participants_equal_the_pages_summary_and_the_other_recording() -> None:
    got = parse_participants(sample("searchsdw_00700_20251108_result_browser-dom.html"))
    assert (got.stated_date, got.stock_code, got.issued_shares) == (date(2025, 11, 8), "00700", 9_144_770_041)
    assert (got.summary.total.shares, got.summary.total.participants) == (7_069_823_417, 752)
    assert got.rows.height == 408
    assert int(got.rows["shareholding_shares"].sum()) == 7_065_594_743 + 44_000
    assert int(got.rows["is_consenting"].sum()) == 6
    twin = csv.DictReader(sample("searchsdw_00700_20251108_participants.csv").decode("utf-8-sig").splitlines())
    listed = [(row["Participant ID"], int(row["Shareholding"].replace(",", ""))) for row in twin]
    # The other recording leaves out those who have no id.
    named = got.rows.drop_nulls("participant_id")
    assert named.select("participant_id", "shareholding_shares").rows() == listed


def test_the_recorded_landing_page_has_no_result() -> None:
    body = sample("searchsdw_00700_20241001_nodata_landing_browser-dom.html")
    for parse in (parse_holdings, parse_participants):
        with pytest.raises(MissingPanel):
            parse(body)


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_a_recorded_list_cut_anywhere_never_gives_a_page(share: float) -> None:
    _cut_is_noticed(sample("mutualmarket_c_t-hk_20190125_zh-Hant_server.html"), share, parse_holdings)
