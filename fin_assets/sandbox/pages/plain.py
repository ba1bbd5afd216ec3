"""Pages of no site in particular: the start page, refusals, and what faults put before the content."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from fin_assets.sandbox.pages.assets import ICON_PATH, STYLE_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TITLE: Final = "Sandbox"


@dataclass(frozen=True, slots=True)
class Section:
    """What the start page says of one site: links with labels, and facts by name."""

    title: str
    links: Sequence[tuple[str, str]]
    facts: Sequence[tuple[str, str]]


def document(title: str, body: str) -> str:
    """Return a whole document around `body`, which is HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="UTF-8" /><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1" />'
        f'<link rel="icon" href="{ICON_PATH}" />'
        f'<link rel="stylesheet" href="{STYLE_PATH}" /></head><body><main class="container plain">{body}</main></body></html>'
    )


def start_page(title: str, sections: Iterable[Section]) -> str:
    """Return the page that leads a person to the sites."""
    return document(title, f"<h1>{escape(title)}</h1>{''.join(_section(section) for section in sections)}")


def _section(section: Section) -> str:
    links = "".join(f'<li><a href="{escape(href)}">{escape(label)}</a></li>' for href, label in section.links)
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in section.facts)
    return f"<h2>{escape(section.title)}</h2><ul>{links}</ul><table class='table'>{rows}</table>"


def status_page(title: str, sentence: str) -> str:
    """Return a small page for a refusal: 403, 404, 429, 503."""
    return document(title, f"<h1>{escape(title)}</h1><p>{escape(sentence)}</p>")


def captcha() -> str:
    """Return a page that asks for proof of a human."""
    return document(
        "Security Check",
        "<h1>Security check</h1><p>Unusual traffic was seen. Confirm that you are not a robot to go on.</p>"
        '<form method="post" id="captcha-form" action="#"><div class="g-recaptcha captcha-box" data-sitekey="sandbox">'
        '<label><input type="checkbox" name="captcha" /> I am not a robot</label></div>'
        '<button type="submit">Continue</button></form>',
    )


def consent(back: str) -> str:
    """Return the terms page that a redirect leads to; `back` is where its button goes."""
    return document(
        "Terms and Conditions",
        "<h1>Terms and conditions</h1><p>Read and accept the terms of use before you go on to the content.</p>"
        f'<form method="get" id="consent-form" action="{escape(back.split("?", 1)[0])}">'
        '<button type="submit" id="btnAcceptTerms">I accept the terms</button></form>',
    )


def login() -> str:
    """Return a login form."""
    return document(
        "Sign in",
        '<h1>Sign in</h1><p>Please log in to see this page.</p><form method="post" id="login-form" action="#">'
        '<label for="username">User name</label><input id="username" name="username" type="text" />'
        '<label for="password">Password</label><input id="password" name="password" type="password" />'
        '<button type="submit">Log in</button></form>',
    )
