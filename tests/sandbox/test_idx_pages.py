"""Lists and broker tables of the embedded Indonesian sites, as a client sees them."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from fin_assets.clock import ENV
from fin_assets.sandbox import Sandbox, SandboxConfig, SandboxError
from fin_assets.sandbox.sites.idx_brokers.options import IDX, IPOT
from fin_assets.sandbox.sites.idx_brokers.pages import ipot
from fin_assets.sandbox.sites.idx_brokers.site import IdxSite
from tests.sandbox.client import ask
from tests.sandbox.idx_client import BROKERS, MODULE, STOCKS, broker_table, cells, clearance, listed, rows

SAMPLES = Path(__file__).parents[3] / "shared/samples/idx"
DAY, SATURDAY, HOLIDAY = date(2026, 11, 19), date(2026, 11, 21), date(2026, 8, 17)
AMOUNT = re.compile(r"-?[\d,]+\.\d [BM]|-?[\d,]+ ")


def amount(text: str) -> tuple[int, int]:
    """Value and half a step of a printed number."""
    assert AMOUNT.fullmatch(text), repr(text)
    digits, unit = text.split(" ")
    size = {"B": 10**9, "M": 10**6, "": 1}[unit]
    step = size // 10 if unit else 1
    return round(float(digits.replace(",", "")) * 10) * step if unit else int(digits.replace(",", "")), step // 2


def test_the_lists_answer_only_after_a_visit_to_the_start_page(site: Sandbox) -> None:
    refused = listed(site, STOCKS, cookie="cf_clearance=stolen", date="20261119")
    assert (refused.status, refused.headers["cf-mitigated"]) == (403, "challenge")
    assert "challenge" in refused.one("title")
    assert site.requests[-1].key is None
    home = ask(f"{site.url}{IDX}/")
    assert home.headers["set-cookie"].startswith("cf_clearance=")
    assert "Path=/idx" in home.headers["set-cookie"]
    assert listed(site, STOCKS, date="20261119").status == 200


@pytest.mark.parametrize(("endpoint", "recording"), [(STOCKS, "GetStockSummary_2021-01-19.json")])
def test_a_list_has_the_keys_and_the_kinds_of_numbers_of_a_recording(
    site: Sandbox, endpoint: str, recording: str
) -> None:
    path = SAMPLES / recording
    if not path.exists():
        pytest.skip("the recording is not at hand (../shared/samples/idx)")
    real = json.loads(path.read_text())
    ours = rows(site, endpoint, DAY)
    assert list(ours[0]) == list(real[0])
    kinds = {key: {type(row[key]) for row in real} for key in real[0]}
    assert all({type(row[key]) for row in ours} <= kinds[key] for key in kinds)
    assert {len(row["Remarks"]) for row in ours} == {30}


def test_broker_rows_have_the_keys_of_a_recording(site: Sandbox) -> None:
    path = SAMPLES / "broker-summary_market-wide_2021-01/broker-summary-2021-01-04.json"
    if not path.exists():
        pytest.skip("the recording is not at hand (../shared/samples/idx)")
    real = json.loads(path.read_text())
    ours = rows(site, BROKERS, DAY)
    assert {key: type(value) for key, value in ours[0].items()} == {key: type(value) for key, value in real[0].items()}
    assert list(ours[0]) == list(real[0])


def test_the_list_states_what_the_market_behind_it_holds(site: Sandbox) -> None:
    facts, found = site.site(IdxSite).session_facts(DAY), rows(site, STOCKS, DAY)
    assert [row["StockCode"] for row in found] == list(facts.codes)
    assert {row["Date"] for row in found} == {"2026-11-19T00:00:00"}
    assert [row["Volume"] for row in found] == facts.volume.tolist()
    outside = [row for row in found if row["NonRegularVolume"]]
    assert outside
    assert sum(row["NonRegularVolume"] for row in found) == facts.crossings.shares.sum()
    assert sum(row["NonRegularFrequency"] for row in found) == len(facts.crossings.stock)
    assert all(row["Change"] == row["Close"] - row["Previous"] for row in found)
    total = sum(row["Value"] for row in rows(site, BROKERS, DAY))
    assert total == 2 * sum(row["Value"] + row["NonRegularValue"] for row in found)


def test_pages_of_a_list_join_up_and_every_one_states_the_whole(site: Sandbox) -> None:
    whole = rows(site, STOCKS, DAY)
    parts = []
    for start in range(0, len(whole), 25):
        envelope = json.loads(listed(site, STOCKS, date="20261119", start=start, length=25).text)
        assert list(envelope) == ["draw", "recordsTotal", "recordsFiltered", "data"]
        assert envelope["recordsTotal"] == envelope["recordsFiltered"] == len(whole)
        parts += envelope["data"]
    assert parts == whole


def test_the_site_may_cut_every_page_to_its_own_length() -> None:
    config = SandboxConfig(start=date(2026, 3, 2), end=SATURDAY, sites={"idx_brokers": {"page_cap": 10}})
    with Sandbox(config).run_in_thread() as site:
        envelope = json.loads(listed(site, STOCKS, date="20261119", start=0, length=10_000).text)
        assert (len(envelope["data"]), envelope["recordsTotal"] > 50) == (10, True)
        rest = json.loads(listed(site, STOCKS, date="20261119", start=10).text)["data"]
        assert [row["No"] for row in rest] == list(range(11, 21))


def test_the_older_address_and_its_spelling_of_parameters_answer_the_same(site: Sandbox) -> None:
    old = listed(site, STOCKS, base="umbraco/Surface", Length=10_000, date="20261119", _=1632450000000)
    assert old.text == listed(site, STOCKS, length=9999, start=0, date="20261119").text


@pytest.mark.parametrize("text", ["20261121", "20260817", "20261122", "20190101", "19991231", "nonsense", "20261340"])
def test_a_day_without_a_session_has_an_empty_list(site: Sandbox, text: str) -> None:
    for endpoint in (STOCKS, BROKERS):
        reply = listed(site, endpoint, date=text)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
        assert json.loads(reply.text) == {"draw": 0, "recordsTotal": 0, "recordsFiltered": 0, "data": []}


def test_securities_and_members_are_listed(site: Sandbox) -> None:
    securities = json.loads(listed(site, "StockData/GetSecuritiesStock", start=0, length=9999).text)["data"]
    assert list(securities[0]) == ["Code", "Name", "ListingDate", "Shares", "ListingBoard"]
    newest = rows(site, STOCKS, date(2026, 11, 20))
    assert [row["Code"] for row in securities] == [row["StockCode"] for row in newest]
    one = json.loads(listed(site, "StockData/GetSecuritiesStock", code="BBCA").text)["data"]
    assert [row["Code"] for row in one] == ["BBCA"]
    members = json.loads(listed(site, "MemberParticipants/GetBrokerSearch", start=0, length=9999).text)["data"]
    assert list(members[0]) == ["Code", "Name", "License"]
    assert {row["IDFirm"] for row in rows(site, BROKERS, DAY)} <= {row["Code"] for row in members}
    assert listed(site, "StockData/GetSomethingElse").status == 404


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        ("2026-11-19T10:59:59+00:00", False),
        ("2026-11-19T11:00:00+00:00", True),
        ("2026-11-18T23:00:00+00:00", False),
        ("2026-11-20T01:00:00+00:00", True),
    ],
)
def test_a_session_is_there_from_six_in_the_evening_in_jakarta(
    monkeypatch: pytest.MonkeyPatch, now: str, *, seen: bool
) -> None:
    monkeypatch.setenv(ENV, now)
    with Sandbox(SandboxConfig(start=date(2026, 3, 2), sites={"idx_brokers": {"tickers": 20}})).run_in_thread() as site:
        assert bool(rows(site, STOCKS, DAY)) == seen
        assert bool(broker_table(site, "BBCA", DAY).text) == seen
        newest = rows(site, "TradingSummary/GetStockSummary", DAY) if seen else rows(site, STOCKS, date(2026, 11, 18))
        assert json.loads(listed(site, STOCKS).text)["data"] == newest


def test_a_broker_table_has_the_structure_of_the_recorded_page(site: Sandbox) -> None:
    path = SAMPLES / "ipot_BBCA_20221010_brokersummary_browser-dom.html"
    if not path.exists():
        pytest.skip("the recording is not at hand (../shared/samples/idx)")
    real, ours = LexborHTMLParser(path.read_bytes()), broker_table(site, "BBCA", DAY).dom
    table = "table.table.table-summary.table-hover.noborder.nm"

    def texts(dom: LexborHTMLParser, selector: str) -> list[str]:
        return [node.text().strip() for node in dom.css(f"{table} {selector}")]

    def shape(dom: LexborHTMLParser) -> list[tuple[str | None, str | None]]:
        spans = [cell.css_first("span") for cell in dom.css(f"{table} tbody tr:first-child td")]
        return [
            ("text-broker" if k in (0, 5) else span.attributes.get("class")) if span else None
            for k, span in enumerate(spans)
        ]

    assert texts(ours, "thead th") == texts(real, "thead th")
    assert shape(ours) == shape(real)
    assert {len(row.css("td")) for row in ours.css(f"{table} tbody tr")} == {9}
    labels = [[span.text().split(":")[0] for span in dom.css(f"{table} tfoot span.fsize12")] for dom in (real, ours)]
    assert labels[0] == labels[1]
    for selector in ("#startDateBrokerSummary", "#endDateBrokerSummary", "#FDBrokerSummary", "#boardBrokerSummary"):
        assert len(ours.css(selector)) == len(real.css(selector)) == 1
    values = [[o.attributes["value"] for o in dom.css("#boardBrokerSummary option")] for dom in (real, ours)]
    assert values[0] == values[1]


def test_a_table_shows_its_own_dates_ten_rows_a_side_and_the_footer_of_the_whole(site: Sandbox) -> None:
    reply, table = broker_table(site, "BBCA", DAY), site.site(IdxSite).table_of("BBCA", DAY, DAY)
    assert table is not None
    assert [reply.field(name) for name in ("startDate", "endDate")] == ["11/19/2026", "11/19/2026"]
    shown = cells(reply)
    assert [row[4] for row in shown] == [str(number) for number in range(1, 11)]
    for row, buy, sell in zip(shown, table.buy, table.sell, strict=False):
        for (lots, value, average), entry in ((row[1:4], buy), (row[6:9], sell)):
            for text, exact in ((lots, entry.lots), (value, entry.value)):
                told, half = amount(text)
                assert told - half <= exact <= told + half
            assert average == f"{entry.value // entry.shares:,} ", "cut off, not rounded"
    footer = [span.text() for span in reply.dom.css("tfoot span")]
    assert footer[0] == f"T. Val : {ipot.money(table.value)}"
    assert footer[1] == f"F. NVal : {ipot.money(table.foreign_net)}"
    assert footer[2] == f"T.Lot : {ipot.lots(table.shares // 100)}"
    facts = site.site(IdxSite).session_facts(DAY)
    row = facts.codes.index("BBCA")
    outside = facts.crossings.value[facts.crossings.stock == row].sum()
    assert table.value == facts.value[row] + outside


def test_more_leads_to_the_complete_list_with_a_short_side_of_empty_cells(site: Sandbox) -> None:
    code, table = next(
        (code, found)
        for code in site.site(IdxSite).session_facts(DAY).codes
        if (found := site.site(IdxSite).table_of(code, DAY, DAY))
        and len(found.buy) > 10
        and len(found.buy) != len(found.sell)
    )
    first = broker_table(site, code, DAY)
    (link,) = first.dom.css("a.more")
    assert link.text() == "more"
    complete = ask(site.url + (link.attributes["href"] or ""))
    assert not complete.dom.css("a.more")
    found = cells(complete)
    assert [row[0] for row in found if row[0]] == [site_code(entry.broker) for entry in table.buy]
    assert [row[5] for row in found if row[5]] == [site_code(entry.broker) for entry in table.sell]
    short = 0 if len(table.buy) < len(table.sell) else 5
    assert found[-1][short : short + 4] == [""] * 4
    assert found[:10] == cells(first)
    exact = sum(amount(row[1])[0] for row in found if row[1] and "M" not in row[1])
    assert exact == sum(entry.lots for entry in table.buy if entry.lots < 10**6)


def site_code(broker: int) -> str:
    from fin_assets.sandbox.sites.idx_brokers.brokers import brokers

    return brokers().codes[broker]


def test_without_more_a_page_ends_at_the_top_ten_and_the_full_list_is_not_served() -> None:
    config = SandboxConfig(start=date(2026, 3, 2), end=SATURDAY, sites={"idx_brokers": {"more": False}})
    with Sandbox(config).run_in_thread() as site:
        reply = broker_table(site, "BBCA", DAY)
        assert not reply.dom.css("a.more")
        assert len(cells(reply)) == len(cells(broker_table(site, "BBCA", DAY, list="full"))) == 10


def test_the_selects_say_what_was_asked_and_the_default_carries_no_mark(site: Sandbox) -> None:
    assert not broker_table(site, "BBCA", DAY).dom.css("option[selected]")
    marked = broker_table(site, "BBCA", DAY, fd="F", board="RG").dom.css("option[selected]")
    assert [option.attributes["value"] for option in marked] == ["F", "RG"]


def test_brokers_carry_their_type_in_their_class(site: Sandbox) -> None:
    dom = broker_table(site, "BBCA", DAY, list="full").dom
    kinds = {node.text(): node.attributes["class"] for node in dom.css("td:first-child span")}
    assert (kinds["AK"], kinds["CC"], kinds["PD"]) == ("text-foreign", "text-bumn", "text-local")


def test_different_dates_give_the_sum_of_the_sessions_between(site: Sandbox) -> None:
    first, last = date(2026, 11, 16), date(2026, 11, 20)
    reply = broker_table(site, "TLKM", first, end=last)
    assert [reply.field(name) for name in ("startDate", "endDate")] == ["11/16/2026", "11/20/2026"]
    whole = site.site(IdxSite).table_of("TLKM", first, last)
    days = [site.site(IdxSite).table_of("TLKM", date(2026, 11, day), date(2026, 11, day)) for day in range(16, 21)]
    assert whole is not None
    assert whole.value == sum(day.value for day in days if day)
    assert f"T. Val : {ipot.money(whole.value)}" in reply.text
    assert site.requests[-1].key == "TLKM/all/all:2026-11-16..2026-11-20"


def test_nothing_traded_is_an_empty_body_and_an_unknown_code_an_error(site: Sandbox) -> None:
    facts = site.site(IdxSite).session_facts(DAY)
    silent = next(code for code, volume in zip(facts.codes, facts.volume.tolist(), strict=True) if not volume)
    regular = next(code for k, code in enumerate(facts.codes) if k not in facts.crossings.stock)
    for reply in (
        broker_table(site, silent, DAY, board="RG"),
        broker_table(site, regular, DAY, board="NG"),
        broker_table(site, "BBCA", SATURDAY),
        broker_table(site, "BBCA", HOLIDAY),
        broker_table(site, "BBCA", date(2026, 11, 23)),
        broker_table(site, "BBCA", DAY, end=date(2026, 11, 18)),
        broker_table(site, "BBCA", DAY, start="2026-11-19"),
    ):
        assert (reply.status, reply.text, reply.headers["content-length"]) == (200, "", "0")
    assert broker_table(site, "ZZZZ", DAY).text == "Invalid stock code"


def test_an_odd_lot_alone_is_a_row_without_lots_but_with_money(site: Sandbox) -> None:
    found = None
    for day in (d for d in site.site(IdxSite).market.sessions if date(2026, 1, 1) <= d <= DAY):
        c = site.site(IdxSite).session_facts(day).crossings
        odd = [k for k in range(len(c.stock)) if c.shares[k] < 100 and (c.stock == c.stock[k]).sum() == 1]
        if odd:
            found = day, site.site(IdxSite).session_facts(day).codes[int(c.stock[odd[0]])], int(c.value[odd[0]])
            break
    assert found is not None
    day, code, value = found
    (row,) = cells(broker_table(site, code, day, board="NG"))
    assert (row[1], row[2]) == ("0 ", ipot.money(value))


def test_the_page_of_a_stock_embeds_its_newest_table(site: Sandbox) -> None:
    reply = ask(f"{site.url}{IPOT}/ipotnews/newsSmartSearch.php?code=BBCA")
    assert reply.dom.css_first("#stockPageCode").attributes["value"] == "BBCA"
    assert reply.field("startDate") == "11/20/2026"
    assert cells(reply) == cells(broker_table(site, "BBCA", date(2026, 11, 20)))
    assert "Invalid stock code" in ask(f"{site.url}{IPOT}/ipotnews/newsSmartSearch.php?code=ZZZZ").text
    assert ask(f"{site.url}{IPOT}/{MODULE}?code=BBCA").field("endDate") == "11/20/2026"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (254_449_999_999, "254.4 B"),
        (254_450_000_000, "254.5 B"),
        (64_600_000_000, "64.6 B"),
        (999_960_000, "1,000.0 M"),
        (5_694_940_005_000, "5,694.9 B"),
        (847_900_000, "847.9 M"),
        (279_070, "279,070 "),
        (0, "0 "),
        (-4_750_000_000, "-4.8 B"),
        (-12_345, "-12,345 "),
    ],
)
def test_money_is_printed_as_the_site_prints_it(value: int, text: str) -> None:
    assert ipot.money(value) == text


def test_lots_are_shortened_from_a_million_on_and_averages_are_cut_off() -> None:
    assert (ipot.lots(999_999), ipot.lots(1_000_000), ipot.lots(1_150_000)) == ("999,999 ", "1.0 M", "1.2 M")
    assert (ipot.average(8249_99, 100), ipot.average(5, 0)) == ("8,249 ", "0 ")


def test_what_was_served_is_counted_by_unit_without_plain_pages(site: Sandbox) -> None:
    clearance(site)
    listed(site, STOCKS, date="20261119", length=9999)
    broker_table(site, "BBCA", DAY)
    broker_table(site, "BBCA", DAY, list="full")
    ask(f"{site.url}{IPOT}/ipotnews/newsSmartSearch.php?code=BBCA")
    keys = sorted(key for _, key in site.served().elements())
    assert keys == ["BBCA/all/all:2026-11-19", "BBCA/all/all:2026-11-19", "stock_summary:2026-11-19"]


def test_a_market_of_a_size_that_is_none_is_refused() -> None:
    for wrong in ({"tickers": 5}, {"tickers": 5000}, {"page_cap": 0}):
        with pytest.raises(SandboxError, match=f"sandbox.sites.idx_brokers: {next(iter(wrong))}: Input should be"):
            SandboxConfig(sites={"idx_brokers": wrong})
