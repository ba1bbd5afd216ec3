"""Codes that have meant more than one company: which one a page shows, and what it says of the others.

A mart of the area has a row for each company in turn: code, identity_no, a name, valid_from, valid_to, is_current,
needs_review. A code that has meant one company only has none, and its page shows everything.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import param
from markupsafe import Markup

from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import joined
from dashboards.ui.provenance import has
from dashboards.ui.urlstate import UrlState

MOST = 20
"""Companies of one code that an address can name."""


class Span(NamedTuple):
    """The time for which a code meant one company.

    Attributes:
        number: 1 for the first company.
        name: None where it is not known.
        start, end: first and last day, far away where the span is open.
        is_current: whether the code means it today.
        needs_review: whether a rule found its start, and no person has looked.
    """

    number: int
    name: str | None
    start: date
    end: date
    is_current: bool
    needs_review: bool


ALWAYS = Span(1, None, date.min, date.max, is_current=True, needs_review=False)
"""Of a code that has meant one company only."""


class CompanyState(UrlState):
    """Which company of a code is shown: 0 is the present one."""

    company: Any = param.Selector(
        default=0, objects=list(range(MOST + 1)), doc="number of an earlier company; 0 is today's"
    )


def spans(build: CachedBuild, *, table: str, code_column: str, name_column: str, code: str) -> list[Span]:
    """Return the companies of a code, the first one first; none if it has meant one only."""
    if not has(build, table):
        return []
    frame = build.query(
        f"select identity_no, {name_column}, valid_from, valid_to, is_current, needs_review from {table}"  # noqa: S608 - our own names
        f" where {code_column} = ? order by identity_no",
        [code],
    )
    return [
        Span(number, name, start or date.min, end or date.max, current, review)
        for number, name, start, end, current, review in frame.iter_rows()
    ]


def chosen(found: list[Span], number: int) -> Span:
    """Return the company with a number; the present one for 0 and for a number that the code does not have."""
    if not found:
        return ALWAYS
    return next((span for span in found if span.number == number), found[-1])


def note(found: list[Span], shown: Span, *, path: str) -> Markup:
    """Return that a code has meant other companies, with a link to each; empty markup if it has meant one only.

    Args:
        found: as `spans` gives them.
        shown: the one on the page.
        path: address of the page, without a query.
    """
    if not found:
        return Markup("")
    parts = joined(_part(span, path) for span in found if span != shown)
    review = _REVIEW if any(span.needs_review for span in found) else Markup("")
    return _NOTE.format(_shown(shown), parts, review)


_NOTE = Markup(
    '<p class="identities" data-identities>{} This code has also meant:{}. Nothing here adds or compares them.{}</p>'
)
_PART = Markup(' <a href="{}">{}</a> ({})')
_REVIEW = Markup(' <span class="muted">Found by rule: a person may confirm or overrule it, see the runbook.</span>')


def _part(span: Span, path: str) -> Markup:
    address = path if span.is_current else f"{path}?company={span.number}"
    return _PART.format(address, span.name or f"company {span.number}", _time(span))


def _shown(span: Span) -> Markup:
    company = "The present company" if span.is_current else "An earlier company"
    return Markup("<b>{}</b> of this code is shown, {}.").format(company, _time(span))


def _time(span: Span) -> str:
    if span.start == date.min:
        return f"until {span.end}"
    return f"from {span.start}" if span.is_current else f"{span.start} to {span.end}"
