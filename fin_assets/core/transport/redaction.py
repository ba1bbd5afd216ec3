"""Takes the secrets of a source out of whatever a transport hands out: addresses, bodies, messages.

A site may repeat a key in its answer, and an address with a key is part of each message about it. What passes here is stored,
logged and shown.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from urllib.parse import quote, quote_plus

from fin_assets.core.contract.failures import CollectionFailure
from fin_assets.core.contract.source import Fetched

MASK = "***"

_ESCAPED = re.compile(r"%([0-9A-F]{2})")


class Redactor:
    """Replaces secrets, in every spelling that addresses, forms, pages, JSON and headers have of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the values; none means that nothing is replaced."""
        values = [value for value in secrets if value]
        spellings = {spelling for value in values for spelling in _spellings(value)}
        spellings |= {_basic(first, second) for first, second in product([*values, ""], repeat=2) if first or second}
        # The longest first: one spelling may hold another. Digits of escapes are written in both cases.
        ordered = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
        pattern = "|".join(_ESCAPED.sub(r"%(?i:\1)", re.escape(spelling)) for spelling in ordered)
        self._text = re.compile(pattern) if pattern else None
        self._body = re.compile(pattern.encode()) if pattern else None

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        return self._text.sub(MASK, text) if self._text else text

    def body(self, body: bytes) -> bytes:
        """Return bytes without the secrets."""
        return self._body.sub(MASK.encode(), body) if self._body else body

    def hides(self, text: str) -> bool:
        """Return whether a text holds a secret."""
        return self.text(text) != text

    def fetched(self, fetched: Fetched) -> Fetched:
        """Return an answer without the secrets."""
        if self._text is None:
            return fetched
        return replace(fetched, body=self.body(fetched.body), url=self.text(fetched.url))

    def failure(self, failure: CollectionFailure) -> None:
        """Take the secrets out of a failure, its body and the errors that led to it."""
        if self._text is None:
            return
        failure.args = tuple(self.text(each) if isinstance(each, str) else each for each in failure.args)
        failure.body = None if failure.body is None else self.body(failure.body)
        if failure.__cause__ is not None and self.hides(f"{failure.__cause__!r} {failure.__cause__}"):
            # A traceback shows it too.
            failure.__cause__ = None
            failure.__suppress_context__ = True


def _spellings(value: str) -> set[str]:
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {
        value,
        *quoted,
        *(each.replace("%", "%25") for each in quoted),
        html.escape(value),
        html.escape(value, quote=False),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(value)[1:-1].replace("/", "\\/"),
        base64.b64encode(value.encode()).decode(),
    }


def _basic(user: str, password: str) -> str:
    """Return what follows `Basic` in an Authorization header."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()
