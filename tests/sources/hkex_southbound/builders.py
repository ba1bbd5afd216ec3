"""Small pages in the shapes of the two search pages, for tests of this source only.

The sandbox writes whole pages for everyone else; here every part of a page can be bent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Literal

from fin_assets.core.contract.source import Accepted, Unit
from fin_assets.settings import Settings
from fin_assets.sources.hkex_southbound.source import source
from tests.sources.accepting import answer

Layout = Literal["modern", "plain", "browser", "legacy"]
"""modern: labels for small screens; plain: without; browser: modern as a browser saves it; legacy: before 2018."""

SOURCE = source(Settings(home=Path("no-such-home")))
FETCHED_AT = datetime(2024, 9, 3, 0, 30, tzinfo=UTC)

_WORDS = {
    "en": {
        "date": "Shareholding Date: ",
        "code": "Stock Code",
        "name": "Stock Name",
        "shares": "Shareholding in CCASS",
        "hk": "% of the total number of Issued Shares/Units",
        "sh": "% of the total number of A shares listed and traded on the SSE",
        "sz": "% of the total number of A shares listed and traded on the SZSE",
    },
    "zh": {
        "date": "持股日期: ",
        "code": "股份代號",
        "name": "股份名稱",
        "shares": "於中央結算系統的持股量",
        "hk": "佔已發行股份百分比",
        "sh": "佔於上交所上市及交易的A股總數的百分比",
        "sz": "佔於深交所上市及交易的A股總數的百分比",
    },
    "gb": {
        "date": "持股日期: ",
        "code": "股份代号",
        "name": "股份名称",
        "shares": "于中央结算系统的持股量",
        "hk": "占已发行股份百分比",
        "sh": "占于上交所上市及交易的A股总数的百分比",
        "sz": "占于深交所上市及交易的A股总数的百分比",
    },
}
_PARTICIPANT_WORDS = {
    "en": {
        "id": "Participant ID",
        "name": "Name of CCASS Participant<br>(* for Consenting Investor Participants )",
        "address": "Address",
        "shares": "Shareholding",
        "percent": "% of the total number of Issued Shares/ Warrants/ Units",
        "intermediaries": "Market Intermediaries",
        "consenting": "Consenting Investor Participants",
        "non_consenting": "Non-consenting Investor Participants",
        "total": "Total",
    },
    "zh": {
        "id": "參與者編號",
        "name": "中央結算系統參與者名稱<br>(*即願意披露的投資者戶口持有人)",
        "address": "地址",
        "shares": "持股量",
        "percent": "佔已發行股份/權證/單位總數百分比",
        "intermediaries": "市場中介者",
        "consenting": "願意披露的投資者戶口持有人",
        "non_consenting": "不願意披露的投資者戶口持有人",
        "total": "總數",
    },
    "gb": {
        "id": "参与者编号",
        "name": "中央结算系统参与者名称<br>(*即愿意披露的投资者户口持有人)",
        "address": "地址",
        "shares": "持股量",
        "percent": "占已发行股份/权证/单位总数百分比",
        "intermediaries": "市场中介者",
        "consenting": "愿意披露的投资者户口持有人",
        "non_consenting": "不愿意披露的投资者户口持有人",
        "total": "总数",
    },
}

COOKIE_BANNER = (
    '<div id="onetrust-consent-sdk"><p>We use cookies. By clicking accept you consent to our Terms of Use.</p>'
    "<button>Accept All Cookies</button><button>Log in to preferences</button></div>"
)


@dataclass(frozen=True, slots=True)
class Holding:
    """A row as printed."""

    code: str
    name: str
    shares: str
    percent: str


HOLDINGS = (
    Holding("    1", "ALPHA HOLDINGS LIMITED", "22,908,430", "0.59%"),
    Holding("  700", "BETA LIMITED", "1,000", ""),
    Holding(" 2888", "甲乙控股", "9,007,199,254", "100.00%"),
    Holding("09988", "GAMMA GROUP - W", "7", "0.00%"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsHtml:
    """A page of holdings; `body()` is its bytes."""

    day: str = "2024/09/02"
    market: str = "hk"
    language: str = "en"
    layout: Layout = "modern"
    rows: Sequence[Holding] = HOLDINGS
    asked: str = "2024/09/02"
    alert: str = ""
    columns: Sequence[str] = ("code", "name", "shares", "percent")
    classes: dict[str, str] = field(
        default_factory=lambda: {
            "code": "col-stock-code",
            "name": "col-stock-name",
            "shares": "col-shareholding",
            "percent": "col-shareholding-percent",
        }
    )
    headings: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        return page(
            self.panel(), action=self._action(), alert=self.alert, asked=self.asked, banner=self.layout == "browser"
        )

    def _action(self) -> str:
        script = "mutualmarket.aspx" if self.language == "en" else "mutualmarket_c.aspx"
        prefix = "https://www3.example/sdw/search/" if self.layout == "browser" else "./"
        return f"{prefix}{script}?t={self.market}"

    def panel(self) -> str:
        words = _WORDS[self.language]
        heading = f'<span style="text-decoration:underline;">{words["date"]}{self.day}</span><br />Holdings:'
        if self.layout == "legacy":
            head = f'<div style="margin: 20px 0 0 10px; font-weight: bold;">{words["date"]}{self.day}</div>'
        else:
            head = f'<h2 class="ccass-heading">\r\n {heading} </h2>'
        table = self.table()
        if self.layout == "browser":
            table = f'<div class="table-scroller-container"><div class="table-scroller">{table}</div></div>'
        return f'<div id="pnlResult">{head}<ul><li data-sort-by="stockcode">{words["code"]}</li></ul>{table}</div>'

    def table(self) -> str:
        head = "".join(self._th(column) for column in self.columns)
        rows = "".join(self._tr(number, row) for number, row in enumerate(self.rows))
        if self.layout == "legacy":
            inner = f'<table class="result"><tr>{head}</tr>{rows}</table>'
            return f'<table width="100%"><tr><td>{inner}</td></tr></table>'
        name = "mutualmarket-result"
        return f'<table id="{name}" class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'

    def _heading(self, column: str) -> str:
        words = _WORDS[self.language]
        return self.headings.get(column, words[self.market] if column == "percent" else words[column])

    def _th(self, column: str) -> str:
        if self.layout == "legacy":
            return f'<td class="arial12white"><b>{self._heading(column)}</b></td>'
        key = self.classes[column]
        market = f" market-{self.market}" if column == "percent" else ""
        if self.layout == "browser":
            return (
                f'<th class="tablesorter-header {key}{market} sorted" tabindex="0" data-column-class="{key}">'
                f"<div><span> {self._heading(column)} </span></div></th>"
            )
        return (
            f'<th data-column-class="{key}" class="{key} tablesorter-header{market}">\n {self._heading(column)}\n</th>'
        )

    def _tr(self, number: int, row: Holding) -> str:
        values = {"code": row.code, "name": row.name, "shares": row.shares, "percent": row.percent}
        cells = "".join(self._td(column, escape(values[column])) for column in self.columns)
        return (
            f'<tr class="row{number % 2}">{cells}</tr>'
            if self.layout == "legacy"
            else f"<tr>\n<!-- row -->{cells}</tr>"
        )

    def _td(self, column: str, value: str) -> str:
        if self.layout == "legacy":
            return f'<td class="arial12black">&nbsp;{value}&nbsp;\r\n</td>'
        key = self.classes[column]
        if self.layout == "plain":
            return f'<td class="{key}">\n{value}\n</td>'
        label = f'<div class="mobile-list-heading">{self._heading(column)}:</div>'
        inner = f'{label}<div class="mobile-list-body">{value}</div>'
        if self.layout == "browser":
            return f'<TD data-x="1" class="hidden {key} text-right"><div class="wrap">{inner}</div></TD>'
        return f'<td class="{key}">{inner}</td>'


@dataclass(frozen=True, slots=True)
class Participant:
    """A row as printed."""

    participant_id: str
    name: str
    shares: int
    percent: str = "0.10%"
    address: str = "1 TEST STREET &amp; LANE"


PARTICIPANTS = (
    Participant("C00019", "THE FIRST BANK", 500_000, "5.00%"),
    Participant("A00003", "MAINLAND DEPOSITORY", 300_000, "3.00%"),
    Participant("", "CHAN TAI MAN *", 20_000, "0.20%"),
    Participant("", "* LEE SIU MING", 10_000),
    Participant("B01451", "A BROKER LTD", 9_000, "0.09%"),
    Participant("P00001", "A PLEDGEE", 1_000),
    Participant("B01999", "A BROKER IN RECTIFICATION", -4_000, "-0.04%"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsHtml:
    """A page of participants; `body()` is its bytes. The summary is that of `rows`, shown are those `listed`."""

    day: str = "2024/09/02"
    original: str | None = "2024/09/02"
    bar: str | None = "2024/09/02"
    code: str = "00700"
    name: str = "BETA LIMITED"
    language: str = "en"
    layout: Layout = "modern"
    rows: Sequence[Participant] = PARTICIPANTS
    listed: Sequence[Participant] | None = None
    non_consenting: tuple[int, int] | None = (5_000, 3)
    issued: int | None = 10_000_000
    percent: bool = True
    summary: dict[str, tuple[int, int]] = field(default_factory=dict)

    def body(self) -> bytes:
        script = "searchsdw.aspx" if self.language == "en" else "searchsdw_c.aspx"
        return page(
            self._bar() + self._summary() + self._normal(),
            action=f"./{script}",
            asked=self.day,
            original=self.original,
            extra=f'<input name="txtStockCode" id="txtStockCode" value="{self.code}"/>'
            f'<input name="txtStockName" id="txtStockName" value="{self.name}"/>',
            banner=self.layout == "browser",
        )

    def lines(self) -> dict[str, tuple[int, int]]:
        consenting = [row for row in self.rows if "*" in row.name]
        others = [row for row in self.rows if "*" not in row.name]
        lines = {"intermediaries": (sum(row.shares for row in others), len(others))}
        if consenting:
            lines["consenting"] = (sum(row.shares for row in consenting), len(consenting))
        if self.non_consenting:
            lines["non_consenting"] = self.non_consenting
        lines |= {kind: line for kind, line in self.summary.items() if kind != "total"}
        total = (sum(shares for shares, _ in lines.values()), sum(count for _, count in lines.values()))
        return lines | {"total": self.summary.get("total", total)}

    def _bar(self) -> str:
        if self.bar is None:
            return ""
        return f'<div class="search-bar__selectedItem-filter searchDate"><b>Shareholding Date: </b>\n{self.bar}\n</div>'

    def _summary(self) -> str:
        words = _PARTICIPANT_WORDS[self.language]
        rows = ""
        for kind, (shares, count) in self.lines().items():
            last = " ccass-search-total" if kind == "total" else ""
            percent = (
                '<div class="percent-of-participants"><div class="header">%</div><div class="value">1.00%</div></div>'
                if self.percent
                else ""
            )
            holding = f'<div class="header">Shareholding</div><div class="value">{shares:,}</div>'
            number = f'<div class="header">Number</div><div class="value">{count:,}</div>'
            rows += (
                f'<div class="ccass-search-datarow{last}"><div class="summary-category">{words[kind]}</div>'
                f'<div class="shareholding">{holding}</div>'
                f'<div class="number-of-participants">{number}</div>'
                f"{percent}</div>"
            )
        issued = (
            f'<div class="ccass-search-remarks"><div class="summary-header">Issued</div>'
            f'<div class="summary-value">{self.issued:,}</div></div>'
            if self.issued is not None
            else ""
        )
        return f'<div id="pnlResultSummary"><div class="ccass-search-summary-table">{rows}{issued}</div><hr></div>'

    def _normal(self) -> str:
        columns = ["id", "name", "address", "shares", *(["percent"] if self.percent else [])]
        words = _PARTICIPANT_WORDS[self.language]
        keys = {
            "id": "col-participant-id",
            "name": "col-participant-name",
            "address": "col-address",
            "shares": "col-shareholding",
            "percent": "col-shareholding-percent",
        }
        # The site's own pages do not close the last header cell.
        head = "".join(
            f'<th data-column-class="{keys[c]}" class="{keys[c]}">{words[c]}' + ("" if c == columns[-1] else "</th>")
            for c in columns
        )
        rows = ""
        for row in self.rows if self.listed is None else self.listed:
            values = {
                "id": row.participant_id,
                "name": row.name,
                "address": row.address,
                "shares": f"{row.shares:,}",
                "percent": row.percent,
            }
            cells = "".join(
                f'<td class="{keys[c]} text-right"><div class="mobile-list-heading">{words[c]}:</div>'
                f'<div class="mobile-list-body">{values[c]}</div></td>'
                if self.layout != "plain"
                else f'<td class="{keys[c]}">{values[c]}</td>'
                for c in columns
            )
            rows += f"<tr>{cells}</tr>"
        return (
            f'<div id="pnlResultNormal"><h2 class="ccass-heading">Detail of Market Intermediaries:</h2>'
            f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        )


def page(
    content: str,
    *,
    action: str,
    asked: str = "2024/09/02",
    alert: str = "",
    original: str | None = None,
    extra: str = "",
    banner: bool = False,
) -> bytes:
    """Return a whole page of the search site around `content`."""
    hidden = (
        f'<input type="hidden" name="originalShareholdingDate" value="{original}" />' if original is not None else ""
    )
    return (
        '\r\n\r\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">\r\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" class="news-hkex"><head><title>\r\n\tSearch\r\n</title>'
        '<meta charset="UTF-8" /></head><body>'
        f'<form name="form1" method="post" action="{action}" id="form1">'
        '<input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="/wEPDwUJ" />'
        f'{hidden}<input type="hidden" name="alertMsg" id="alertMsg" value="{escape(alert)}" />'
        f'<input name="txtShareholdingDate" type="text" value="{asked}" id="txtShareholdingDate" />{extra}'
        '<div class="fancy-note-title">Terms of Use</div><p>By use you accept the disclaimer.</p>'
        '<table class="note-table"><tr><td>1.</td><td>Percent is for reference only.</td></tr></table>'
        f"{content}</form>{COOKIE_BANNER if banner else ''}<script>var x = 1;</script></body>\r\n</html>\r\n"
    ).encode()


def landing(*, alert: str = "", action: str = "./mutualmarket.aspx?t=hk") -> bytes:
    """Return the search page without a result."""
    return page("", action=action, alert=alert)


def accepted(unit: str, body: bytes, *, fetched_at: datetime = FETCHED_AT) -> Accepted:
    """Return `body` as staging gets it: read by the parser of the table that asks for such units."""
    table = SOURCE.table("participants" if unit.isdigit() else "holdings")
    return Accepted(unit=unit, parsed=table.parse(answer(body), Unit(name=unit)), fetched_at=fetched_at)


def slashed(day: date) -> str:
    """Return `day` as the site prints it."""
    return day.strftime("%Y/%m/%d")
