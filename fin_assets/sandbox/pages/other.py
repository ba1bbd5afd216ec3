"""Pages that are not content: the start page, the list of stocks, errors, and what faults put before the content."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from fin_assets.sandbox.pages.common import SITE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable


_CSS: Final = "/hkexnews/ncms/css/main.css"
"""From the root: these pages are shown in place of any other, at any depth and on every site."""


def _plain(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="UTF-8" /><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1" />'
        f'<link rel="icon" href="{_CSS.removesuffix("css/main.css")}images/favicon.svg" />'
        f'<link rel="stylesheet" href="{_CSS}" /></head><body><main class="container plain">{body}</main></body></html>'
    )


def index(facts: Iterable[tuple[str, str]]) -> str:
    """Return the start page with links and (name, value) facts about the sandbox."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    links = "".join(
        f'<li><a href="{href}">{label}</a></li>'
        for href, label in (
            ("sdw/search/mutualmarket.aspx?t=hk", "Southbound holdings"),
            ("sdw/search/mutualmarket_c.aspx?t=hk", "港股通持股"),
            ("sdw/search/mutualmarket.aspx?t=sh", "Northbound, Shanghai"),
            ("sdw/search/mutualmarket.aspx?t=sz", "Northbound, Shenzhen"),
            ("sdw/search/searchsdw.aspx", "Participants of a stock"),
            ("sdw/search/searchsdw_c.aspx", "股份參與者"),
            ("/idx/", "Indonesia: market-wide lists"),
            ("/ipot/ipotnews/newsSmartSearch.php?code=BBCA", "Indonesia: broker table of a stock"),
        )
    )
    return _plain(SITE_NAME["en"], f"<h1>{SITE_NAME['en']}</h1><ul>{links}</ul><table class='table'>{rows}</table>")


def stock_list(day: str, stocks: Iterable[tuple[int, str]]) -> str:
    """Return the page of (code, name) that a person looks codes up in."""
    rows = "".join(f"<tr><td>{code:05d}</td><td>{escape(name)}</td></tr>" for code, name in stocks)
    table = (
        f"<table class='table'><thead><tr><th>Stock Code</th><th>Name</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    return _plain("List of Stocks", f"<h1>List of Stocks, {escape(day)}</h1>{table}")


def server_error(message: str) -> str:
    """Return ASP.NET's kind of error page; `message` is its first sentence."""
    return _plain(
        "Runtime Error",
        f"<h1>Server Error in '/sdw' Application.</h1><h2><i>{escape(message)}</i></h2><p>The posted form was not "
        f"accepted: get the page again and post the hidden fields that it carries.</p>",
    )


def status_page(title: str, sentence: str) -> str:
    """Return a small page for a refusal: 403, 404, 429, 503."""
    return _plain(title, f"<h1>{escape(title)}</h1><p>{escape(sentence)}</p>")


def captcha() -> str:
    """Return a page that asks for proof of a human."""
    return _plain(
        "Security Check",
        "<h1>Security check</h1><p>Unusual traffic was seen. Confirm that you are not a robot to go on.</p>"
        '<form method="post" id="captcha-form" action="#"><div class="g-recaptcha captcha-box" data-sitekey="sandbox">'
        '<label><input type="checkbox" name="captcha" /> I am not a robot</label></div>'
        '<button type="submit">Continue</button></form>',
    )


def consent(back: str) -> str:
    """Return the terms page that a redirect leads to; `back` is where its button goes."""
    return _plain(
        "Terms and Conditions",
        "<h1>Terms and conditions</h1><p>Read and accept the terms of use before you go on to the content.</p>"
        f'<form method="get" id="consent-form" action="{escape(back.split("?", 1)[0])}">'
        '<button type="submit" id="btnAcceptTerms">I accept the terms</button></form>',
    )


def login() -> str:
    """Return a login form."""
    return _plain(
        "Sign in",
        '<h1>Sign in</h1><p>Please log in to see this page.</p><form method="post" id="login-form" action="#">'
        '<label for="username">User name</label><input id="username" name="username" type="text" />'
        '<label for="password">Password</label><input id="password" name="password" type="password" />'
        '<button type="submit">Log in</button></form>',
    )


def challenge() -> str:
    """Return what stands before a guarded site until its cookie is there."""
    return _plain(
        "Security challenge",
        "<h1>One moment</h1><p>The connection is being checked before the site opens. Go to the start page first.</p>"
        '<form id="challenge-form" class="cf-challenge" method="get" action="/idx/"><button>Continue</button></form>',
    )


def idx_home(links: Iterable[tuple[str, str]]) -> str:
    """Return the start page of the market-wide lists with (address, label) links."""
    items = "".join(f'<li><a href="{escape(href)}">{escape(label)}</a></li>' for href, label in links)
    return _plain("Sandbox of the market data pages", f"<h1>Market data</h1><ul>{items}</ul>")
