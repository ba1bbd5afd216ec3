"""Pages of HKEXnews that are no result: the start page, the list of stocks, and the error of a refused form."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fin_assets.sandbox.pages import plain

if TYPE_CHECKING:
    from collections.abc import Iterable


def stock_list(day: str, stocks: Iterable[tuple[int, str]]) -> str:
    """Return the page of (code, name) that a person looks codes up in."""
    rows = "".join(f"<tr><td>{code:05d}</td><td>{escape(name)}</td></tr>" for code, name in stocks)
    table = (
        f"<table class='table'><thead><tr><th>Stock Code</th><th>Name</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    return plain.document("List of Stocks", f"<h1>List of Stocks, {escape(day)}</h1>{table}")


def server_error(message: str) -> str:
    """Return ASP.NET's kind of error page; `message` is its first sentence."""
    return plain.document(
        "Runtime Error",
        f"<h1>Server Error in '/sdw' Application.</h1><h2><i>{escape(message)}</i></h2><p>The posted form was not "
        f"accepted: get the page again and post the hidden fields that it carries.</p>",
    )
