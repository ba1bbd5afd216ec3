"""Which list a date leads to, and when a form is refused."""

from __future__ import annotations

from datetime import date

import pytest

from fin_assets.sandbox import Sandbox, SandboxConfig, SandboxError
from fin_assets.sandbox.context import SiteContext
from fin_assets.sandbox.sites.hkex_southbound.options import HkexOptions
from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite
from tests.sandbox.client import ask, form_of, page_url, search_holdings, search_participants


def test_a_closed_day_shows_the_last_list_with_its_own_date_and_echoes_what_was_asked(site: Sandbox) -> None:
    sunday = search_holdings(site, "2026/03/29")
    assert sunday.one("h2.ccass-heading span") == "Shareholding Date: 2026/03/27"
    assert sunday.field("originalShareholdingDate") == "2026/03/29"
    new_year = search_holdings(site, "2026/02/18")
    assert new_year.one("h2.ccass-heading span") == "Shareholding Date: 2026/02/16"


def test_participants_of_a_sunday_are_those_of_friday_with_the_asked_date_echoed(site: Sandbox) -> None:
    sunday, friday = (search_participants(site, day, "00700") for day in ("2026/03/29", "2026/03/27"))
    assert sunday.one("#pnlResultNormal tbody") == friday.one("#pnlResultNormal tbody")
    assert sunday.field("originalShareholdingDate") == "2026/03/29"


@pytest.mark.parametrize("day", ["2024/06/28", "2026/11/21", "2030/01/01", "2026/02/30", "20/11/2026", ""])
def test_a_date_out_of_range_gives_the_landing_page_with_an_alert(site: Sandbox, day: str) -> None:
    for reply in (search_holdings(site, day), search_participants(site, day, "00700")):
        assert reply.status == 200
        assert not reply.dom.css("#pnlResult, #pnlResultNormal, #pnlResultSummary, h2.ccass-heading")
        assert reply.field("alertMsg")


def test_an_unknown_code_gives_the_landing_page_with_an_alert(site: Sandbox) -> None:
    for code in ("09998x", "", "02905", "99999"):
        reply = search_participants(site, "2026/11/19", code)
        assert not reply.dom.css("#pnlResultNormal")
        assert reply.field("alertMsg")


def test_the_site_forgets_after_the_given_months() -> None:
    site = HkexSite(SiteContext(start=date(2024, 7, 2), end=date(2026, 11, 21)), HkexOptions(history_months=12))
    assert site.oldest_day("hk") == date(2025, 11, 21)
    posted = {**site.state.fields("mutualmarket.aspx"), "btnSearch": "Search"}
    too_old = site.prepare("mutualmarket.aspx", {"t": "hk"}, {**posted, "txtShareholdingDate": "2025/11/20"})
    old_enough = site.prepare("mutualmarket.aspx", {"t": "hk"}, {**posted, "txtShareholdingDate": "2025/11/21"})
    assert (too_old.has_result, old_enough.has_result) == (False, True)


def test_northbound_lists_are_daily_until_august_2024_and_quarterly_and_late_since(site: Sandbox) -> None:
    days = site.site(HkexSite).published("sh")
    assert days[:2] == [date(2024, 7, 2), date(2024, 7, 3)]
    quarters = [day for day in days if day > date(2024, 8, 16)]
    assert quarters[:3] == [date(2024, 9, 30), date(2024, 12, 31), date(2025, 3, 31)]
    reply = search_holdings(site, "2026/03/15", page="mutualmarket.aspx?t=sh")
    assert reply.one("h2.ccass-heading span") == "Shareholding Date: 2025/12/31"


def test_a_quarter_is_not_on_the_site_before_its_fifteenth_day_after() -> None:
    newest = [
        HkexSite(SiteContext(end=today), HkexOptions()).published("sz")[-1]
        for today in (date(2026, 4, 14), date(2026, 4, 15))
    ]
    assert newest == [date(2025, 12, 31), date(2026, 3, 31)]


def test_a_list_is_on_the_site_the_day_after(site: Sandbox) -> None:
    assert site.site(HkexSite).published("hk")[-1] == date(2026, 11, 20)
    assert HkexSite(SiteContext(end=date(2026, 11, 20)), HkexOptions()).published("hk")[-1] == date(2026, 11, 19)


def test_without_an_end_the_newest_list_follows_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_CLOCK", "2026-03-30T04:00:00+00:00")
    site = HkexSite(SiteContext(start=date(2026, 1, 2)), HkexOptions())
    assert site.published("hk")[-1] == date(2026, 3, 27)
    # Half past midnight in Hong Kong, still the day before in UTC.
    monkeypatch.setenv("FIN_CLOCK", "2026-03-30T16:30:00+00:00")
    assert site.published("hk")[-1] == date(2026, 3, 30)


def test_a_start_before_the_service_or_a_range_without_lists_is_refused() -> None:
    with pytest.raises(SandboxError, match="before the first list of 2017-03-17"):
        HkexSite(SiteContext(start=date(2016, 1, 4)), HkexOptions())
    with pytest.raises(SandboxError, match="start 2026-03-02 is after end 2026-03-01"):
        SandboxConfig(start=date(2026, 3, 2), end=date(2026, 3, 1))
    with pytest.raises(SandboxError, match="set another start or end"):
        HkexSite(SiteContext(start=date(2026, 3, 28), end=date(2026, 3, 29)), HkexOptions())


@pytest.mark.parametrize(
    "page", ["mutualmarket.aspx?t=hk", "mutualmarket_c.aspx?t=sh", "searchsdw.aspx", "searchsdw_c.aspx"]
)
def test_a_wrong_or_missing_view_state_is_refused_as_asp_net_does(site: Sandbox, page: str) -> None:
    url = page_url(site, page)
    form = {
        **form_of(ask(url)),
        "txtShareholdingDate": "2026/11/19",
        "txtStockCode": "00700",
        "__EVENTTARGET": "btnSearch",
    }
    assert ask(url, form).dom.css("#pnlResult, #pnlResultNormal")
    for broken in (
        {**form, "__VIEWSTATE": form["__VIEWSTATE"][:-4] + "AAA="},
        {k: v for k, v in form.items() if k != "__VIEWSTATE"},
    ):
        refused = ask(url, broken)
        assert refused.status == 500
        assert "Validation of viewstate MAC failed" in refused.text
    assert site.requests[-1].key is None


def test_a_view_state_of_another_page_and_an_altered_event_validation_are_refused(site: Sandbox) -> None:
    english, chinese = (page_url(site, f"mutualmarket{c}.aspx?t=hk") for c in ("", "_c"))
    form = {**form_of(ask(english)), "txtShareholdingDate": "2026/11/19", "btnSearch": "Search"}
    assert ask(chinese, form).status == 500
    refused = ask(english, {**form, "__EVENTVALIDATION": "x"})
    assert refused.status == 500
    assert "Invalid postback or callback argument" in refused.text


def test_a_view_state_outlives_a_restart_but_not_another_seed() -> None:
    states = [
        HkexSite(SiteContext(seed=seed, end=date(2026, 3, 2)), HkexOptions()).state.fields("searchsdw.aspx")
        for seed in (7, 7, 8)
    ]
    assert states[0] == states[1] != states[2]
