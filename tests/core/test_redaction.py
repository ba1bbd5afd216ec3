"""Secrets in every spelling that sites and addresses have of them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest

from fin_assets.core.contract.failures import Refused
from fin_assets.core.contract.source import Fetched
from fin_assets.core.transport.redaction import MASK, Redactor

KEY = "pä/ss+w=o&r<d>\"x'"
REDACTOR = Redactor(["trader@example.com", KEY])

SPELLINGS = [
    KEY,
    quote(KEY, safe=""),
    quote(quote(KEY, safe=""), safe=""),
    quote(KEY, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d"),
    urlencode({"k": KEY}).removeprefix("k="),
    json.dumps(KEY)[1:-1],
    json.dumps(KEY, ensure_ascii=False)[1:-1],
    KEY.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    base64.b64encode(KEY.encode()).decode(),
    base64.b64encode(f"trader@example.com:{KEY}".encode()).decode(),
    base64.b64encode(f"{KEY}:".encode()).decode(),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_of_a_secret_is_taken_out_of_texts_and_bytes(spelling: str):
    assert REDACTOR.hides(spelling)
    assert REDACTOR.text(f"a {spelling} b") == f"a {MASK} b"
    assert REDACTOR.body(f"a {spelling} b".encode()) == f"a {MASK} b".encode()


def test_without_secrets_everything_stays_as_it_is():
    fetched = Fetched(body=b"\xff\x00:", url="http://x/?a=:", status=200, content_type="", transport="http")
    assert Redactor().fetched(fetched) is fetched
    assert REDACTOR.fetched(fetched) == fetched, "bytes that are no text stay too"
    failure = Refused("http://x/?a=:", body=b"")
    REDACTOR.failure(failure)
    assert (str(failure), failure.body) == ("http://x/?a=:", b"")


def test_an_error_that_led_to_a_failure_goes_if_it_holds_a_secret():
    for cause, stays in ((OSError(f"cannot reach http://x/?k={KEY}"), False), (OSError("reset"), True)):
        failure = Refused(f"refused at {KEY}")
        failure.__cause__ = cause
        REDACTOR.failure(failure)
        assert str(failure) == f"refused at {MASK}"
        assert (failure.__cause__ is cause) is stays
