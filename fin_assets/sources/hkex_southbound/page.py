"""What both search pages share: is it the site's own, whole page, and how its tables are taken apart.

What a table means is in `parse.py` (holdings) and `participants.py`; how a text becomes a number or a date is in
`reading.py`. No network, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    Drift,
    FormStateRefused,
    MissingPanel,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.text import read_text
from fin_assets.core.contract.unread import Unread
from fin_assets.core.transport.blocked import asks_for_a_human, classify_blocked_page
from fin_assets.sources.hkex_southbound.reading import clean, is_chinese, plain

Language = Literal["en", "zh"]

_HEADER_WITHIN = 4
"""Unit: rows from the top of a table among which its header is."""

NAME_WORDS = ("name", "名稱", "名称")
PERCENT_WORDS = ("%", "percent", "百分比")

_PANEL = b"pnlresult"
_OWN_FORM = re.compile(rb"<form\b[^>]{0,500}\baction\s*=\s*[\"']?[^\"'>]{0,500}(?:mutualmarket|searchsdw)")
_SEARCH_FIELDS = (b"txtshareholdingdate", b"ddlshareholdingday")
_FORM_STATE = re.compile(
    rb"validation of viewstate|viewstate mac|state information is invalid|invalid postback or callback"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of the site.

    Attributes:
        key: its CSS class, `col-...`.
        words: a heading of this column contains one of them (lower case, without blanks), whatever the language.
        needed: it takes part in an identity; without it the page is not read.
        silent: the site leaves it out where it has nothing to say: no check names it.
    """

    key: str
    words: tuple[str, ...]
    needed: bool = False
    silent: bool = False


SHAREHOLDING = Column("col-shareholding", ("shareholding", "持股量"), needed=True)


class _Place(NamedTuple):
    """A place in a row: the known column that it belongs to, if any, and the class that its header declares."""

    key: str | None
    declared: str | None


def require_own_page(body: bytes, *, content_type: str | None = None) -> None:
    """Return if `body` is a whole page of the search site, with or without a result; raise what it is otherwise.

    Real pages carry a cookie banner, a terms-of-use popup and the words "Consenting Investor Participants", so words
    are weighed only on pages that are not the search page itself.

    Args:
        body: the exact bytes.
        content_type: the header, if it is known.

    Raises:
        WrongContentType: empty, not HTML, or an HTML page of something else.
        CaptchaPage, ConsentPage, LoginWall, Refused, FormStateRefused: what stands in the way.
        TruncatedBody: the document ends in the middle.
    """
    _require_html(body, content_type)
    lowered = body.lower()
    own_form = _OWN_FORM.search(lowered) is not None and any(field in lowered for field in _SEARCH_FIELDS)
    if not own_form and _PANEL not in lowered:
        raise _foreign(body, lowered)
    if _PANEL not in lowered and asks_for_a_human(body):
        raise CaptchaPage("the search page asks for a proof of being human instead of answering", body=body)
    _require_whole(body, lowered)


def _require_html(body: bytes, content_type: str | None) -> None:
    if not body.strip():
        raise WrongContentType("the answer is empty where a page belongs", body=body)
    if content_type:
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in {"text/html", "application/xhtml+xml"}:
            raise WrongContentType(f"the answer is {kind} where a page (text/html) belongs", body=body)
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:8]
    if not start.startswith(b"<"):
        raise WrongContentType(f"the answer is no page: it begins with {start!r}", body=body)


def _require_whole(body: bytes, lowered: bytes) -> None:
    # A page ends with its form and `</html>`; anything less may lack rows without looking broken to an HTML parser.
    end = lowered.rfind(b"</html")
    form = lowered.rfind(b"</form")
    if form < 0 or end < max(form, lowered.rfind(b"</table"), lowered.rfind(b"<td")):
        raise TruncatedBody(f"the page ends after {len(body):,} bytes in the middle of the document", body=body)


def _foreign(body: bytes, lowered: bytes) -> CollectionFailure:
    """Name a page that is not the search page; a refused view state is particular to this site."""
    if _FORM_STATE.search(lowered):
        return FormStateRefused("the site did not accept the form's view state", body=body)
    return classify_blocked_page(body, wanted="the search page")


def open_page(body: bytes, *, content_type: str | None = None) -> LexborHTMLParser:
    """Return the parsed document, its text read as a browser reads it.

    Raises:
        Drift: the bytes are text in no encoding that the answer names, nor in UTF-8.
    """
    return LexborHTMLParser(read_text(body, content_type=content_type or "").text)


@contextmanager
def evidence(body: bytes) -> Iterator[None]:
    """Attach the page's bytes to a failure that is raised inside."""
    try:
        yield
    except CollectionFailure as failure:
        if failure.body is None:
            failure.body = body
        raise


def missing_panel(page: LexborHTMLParser, what: str, panel: LexborNode | None = None) -> MissingPanel:
    """Return the failure of a page that has no result, with what the site says about it."""
    said = field(page, "alertMsg") or (clean(panel.text(separator=" "))[:200] if panel else "")
    return MissingPanel(f"the page has no {what}" + (f"; the site says: {said!r}" if said else ""))


def field(page: LexborHTMLParser, name: str) -> str:
    """Return the value of a form field, empty if there is none."""
    node = page.css_first(f'input[name="{name}"], input[id="{name}"]')
    return clean(node.attributes.get("value") or "") if node else ""


def language(headings: dict[str, str]) -> Language:
    """Return the language of a table's headings."""
    return "zh" if any(map(is_chinese, headings.values())) else "en"


def result_table(panel: LexborNode, columns: Sequence[Column]) -> LexborNode | None:
    """Return the table in `panel` whose header has a column of `columns`, or None.

    Of several the longest: a page that a browser saved may have the header once more in a table of its own.
    """
    found: list[tuple[int, LexborNode]] = []
    for table in panel.css("table"):
        rows = table.css("tr")
        # A selector finds the node itself as well; tables that only lay out others are not the result.
        if rows and len(table.css("table")) == 1:
            cells = _cells(_header_row(rows, columns))
            if any(_class_key(cell) or _key_by_words(cell, columns) for cell in cells):
                found.append((len(rows), table))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def require_continues(result: LexborNode) -> None:
    """Return if something stands behind the result.

    Of a page that was cut, a browser or a library closes what is open: it looks whole and ends with the cut. The site's pages
    continue with scripts, remarks and a footer.

    Raises:
        TruncatedBody: the result is the last of the document.
    """
    node: LexborNode | None = result
    while node is not None and node.tag != "html":
        following = node.next
        while following is not None:
            if following.is_element_node or (following.is_text_node and (following.text_content or "").strip()):
                return
            following = following.next
        node = node.parent
    raise TruncatedBody("the page ends with its result, in the middle of the document, and was closed there")


def read_table(
    table: LexborNode, columns: Sequence[Column], unread: list[Unread]
) -> tuple[dict[str, str], list[dict[str, str | None]]]:
    """Return headings by column key, and every data row as texts by column key (None: the page has no such column).

    Columns are found by the header cells' class and verified by their words; cells by position and verified by class. What is
    not understood of columns that no identity needs is added to `unread`.

    Raises:
        TruncatedBody: the last row ends in the middle.
        Drift: a needed column is missing, doubled, renamed or swapped, or a row has other cells than the header.
    """
    trs = table.css("tr")
    header = _header_row(trs, columns)
    keys, headings = _headings(header, columns, unread)
    values = _mobile_values(table)
    heads = {tr.mem_id for tr in table.css("thead tr")} | {header.mem_id}
    begin = next(place for place, tr in enumerate(trs) if tr.mem_id == header.mem_id)
    rows: list[dict[str, str | None]] = []
    absent: dict[str, str | None] = {column.key: None for column in columns}
    last = trs[-1].mem_id
    for place, tr in enumerate(trs):
        cells = _cells(tr)
        if not cells or tr.mem_id in heads or (place < begin and len(cells) == 1) or _same_header(cells, headings):
            continue
        if tr.mem_id == last and len(cells) < len(keys):
            raise TruncatedBody(
                f"the table ends in the middle of row {len(rows) + 1}: {len(cells)} of {len(keys)} cells"
            )
        found = _row(cells, keys, values, number=len(rows) + 1)
        rows.append(absent | {key: text for key, text in found.items() if key in absent})
    return headings, rows


def _header_row(rows: list[LexborNode], columns: Sequence[Column]) -> LexborNode:
    """Return the row that names the most columns among the first: a title may stand above it."""
    return max(rows[:_HEADER_WITHIN], key=lambda row: sum(_names_column(cell, columns) for cell in _cells(row)))


def _names_column(cell: LexborNode, columns: Sequence[Column]) -> bool:
    return _key_by_words(cell, columns) is not None or "data-column-class" in cell.attributes


def _headings(
    header: LexborNode, columns: Sequence[Column], unread: list[Unread]
) -> tuple[list[_Place], dict[str, str]]:
    """Return what stands in each place of a row, and the headings of the known columns by key."""
    places: list[_Place] = []
    headings: dict[str, str] = {}
    problems: list[str] = []
    cells = _cells(header)
    classed = any(_class_key(cell) for cell in cells)
    known = {column.key: column for column in columns}
    for cell in cells:
        shown, by_words = clean(cell.text(separator=" ")), _key_by_words(cell, columns)
        by_class = _class_key(cell) if classed else by_words
        key = by_class if by_class in known and by_words == by_class else None
        if key is None:
            problems.append(
                f"column {by_class}: its heading is now {shown!r}"
                if by_class in known
                else f"unknown column {by_class or shown!r} (heading {shown!r})"
            )
            # A heading of one column over the cells of another may mean either: neither may be needed.
            if any(known[name].needed for name in (by_class, by_words) if name in known):
                raise Drift(problems[-1])
            unread.append(Unread.of("column", by_class or shown))
        elif key in headings:
            raise Drift(f"column {key} is there twice")
        else:
            headings[key] = shown
        places.append(_Place(key, by_class if classed else None))
    for column in columns:
        if column.key in headings or column.silent:
            continue
        if column.needed:
            said = "; ".join([f"column {column.key} is missing; the table has {', '.join(headings)}", *problems])
            raise Drift(said)
        unread.append(Unread.of("no column", column.key))
    return places, headings


def _row(cells: list[LexborNode], places: list[_Place], values: dict[int, str], *, number: int) -> dict[str, str]:
    if len(cells) != len(places):
        names = ", ".join(place.key or place.declared or "?" for place in places)
        raise Drift(f"row {number} has {len(cells)} cells, the header has {len(places)}: {names}")
    found, wanted = [_class_key(cell) for cell in cells], [place.declared or place.key for place in places]
    if any(found) and found != wanted:
        wrong = next(place for place, (has, wants) in enumerate(zip(found, wanted, strict=True)) if has != wants)
        raise Drift(f"row {number}: column {wanted[wrong]} holds a cell of class {found[wrong] or 'none'}")
    row: dict[str, str] = {}
    for place, cell in zip(places, cells, strict=True):
        if place.key is None:
            continue
        value = values.get(cell.mem_id)
        if value is None:
            # A heading without a value beside it must not be taken for the value.
            if cell.css_first(".mobile-list-heading") is not None:
                raise Drift(f"row {number}: column {place.key} has a label but no value")
            value = cell.text(separator=" ")
        row[place.key] = clean(value)
    return row


def _mobile_values(table: LexborNode) -> dict[int, str]:
    """Return texts of `.mobile-list-body` by the id of their cell: the cell's own text has the label glued to it."""
    values: dict[int, str] = {}
    for body in table.css(".mobile-list-body"):
        node = body.parent
        while node is not None and node.tag not in {"td", "th"}:
            node = node.parent
        if node is None:
            raise Drift("a value stands outside of the table's cells")
        if node.mem_id in values:
            raise Drift(f"a cell has two values: {values[node.mem_id]!r} and {body.text()!r}")
        values[node.mem_id] = body.text()
    return values


def _cells(row: LexborNode) -> list[LexborNode]:
    return [cell for cell in row.iter() if cell.tag in {"td", "th"}]


def _class_key(cell: LexborNode) -> str | None:
    attributes = cell.attributes
    return _column_of(attributes.get("class") or "", (attributes.get("data-column-class") or "").strip())


@lru_cache(maxsize=256)
def _column_of(classes: str, declared: str) -> str | None:
    # Cached: a page has thousands of cells and a handful of classes.
    found = {name for name in classes.split() if name.startswith("col-")} | ({declared} if declared else set())
    if len(found) > 1:
        raise Drift(f"a cell belongs to two columns: {' '.join(sorted(found))}")
    return next(iter(found), None)


def _key_by_words(cell: LexborNode, columns: Sequence[Column]) -> str | None:
    """Return the only column that the words of `cell` may head."""
    words = plain(cell.text(separator=" ")).casefold().replace(" ", "")
    matches = [column.key for column in columns if any(word in words for word in column.words)]
    return matches[0] if len(matches) == 1 else None


def _same_header(cells: list[LexborNode], headings: dict[str, str]) -> bool:
    """Return whether a row repeats the header; any other row of header cells is read as a row and fails there."""
    if any(cell.tag != "th" for cell in cells):
        return False
    return [clean(cell.text(separator=" ")) for cell in cells] == list(headings.values())
