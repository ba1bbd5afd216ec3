"""Pages of idx.co.id that are no list: its start page, and what stands before the lists without the cookie."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fin_assets.sandbox.pages import plain
from fin_assets.sandbox.sites.idx_brokers.options import IDX

if TYPE_CHECKING:
    from collections.abc import Iterable


def challenge() -> str:
    """Return what stands before a guarded site until its cookie is there."""
    return plain.document(
        "Security challenge",
        "<h1>One moment</h1><p>The connection is being checked before the site opens. Go to the start page first.</p>"
        f'<form id="challenge-form" class="cf-challenge" method="get" action="{IDX}/"><button>Continue</button></form>',
    )


def home(links: Iterable[tuple[str, str]]) -> str:
    """Return the start page of the market-wide lists with (address, label) links."""
    items = "".join(f'<li><a href="{escape(href)}">{escape(label)}</a></li>' for href, label in links)
    return plain.document("Sandbox of the market data pages", f"<h1>Market data</h1><ul>{items}</ul>")
