"""Reaching the two search pages as a person does. The only file of this source that touches the network.

The first visit opens the page, accepts the cookie banner and reads the form. After that the form is sent with the
page's own state and the visitor's cookies, without opening a page again; when that is not understood, a page is opened
and filled in. What an answer says, and of which date it is, is decided by `parse.py` and by the caller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from fin_assets.core.contract.client import Attempt
from fin_assets.core.contract.failures import ConsentPage, Drift, FormStateRefused, MissingPanel, WrongContentType
from fin_assets.core.contract.source import Fetched, Unit
from fin_assets.sources.hkex_southbound.parse import require_own_page

if TYPE_CHECKING:
    from playwright.async_api import Dialog, Page

    from fin_assets.core.transport.browser.client import BrowserClient

Fetch = Callable[["BrowserClient", Unit, date], Awaitable[Fetched]]

HOLDINGS_PAGES = {"en": "/sdw/search/mutualmarket.aspx", "zh": "/sdw/search/mutualmarket_c.aspx"}
PARTICIPANTS_PAGE = "/sdw/search/searchsdw.aspx"

BANNER = "#onetrust-accept-btn-handler"
BANNER_PATIENCE_MS = 1_000
"""The banner comes by script after the page; a visitor waits for it once."""

NOT_UNDERSTOOD = (FormStateRefused, ConsentPage, MissingPanel, WrongContentType, Drift)
"""After these the last try goes through a page, whose own scripts send what the site expects today."""

READ_FORM = """() => {
    const button = document.querySelector('#btnSearch, [name="btnSearch"]');
    const form = button ? (button.form || button.closest('form')) : null;
    if (!form) return null;
    const options = {};
    for (const select of form.querySelectorAll('select[name]'))
        options[select.name] = [...select.options].map(option => option.value);
    return {
        action: form.getAttribute('action') || '',
        fields: [...new FormData(form)].filter(([, value]) => typeof value === 'string'),
        options,
        button: {
            name: button.getAttribute('name') || button.id,
            type: button.getAttribute('type') || '',
            value: button.value || '',
        },
    };
}"""

# The field is read-only for a person; the date picker writes it by script, and so do we.
WRITE_DATE = """([name, value]) => {
    const field = document.getElementsByName(name)[0];
    field.value = value;
    for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}));
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The search form as the page has filled it.

    Attributes:
        page: address of the page that it is on.
        action: absolute address that it is sent to.
        fields: what a browser would send if nothing were typed, hidden state included.
        options: values that each select offers.
        button: name, type and value of the search button; a link has no type.
    """

    page: str
    action: str
    fields: dict[str, str]
    options: dict[str, list[str]]
    button: tuple[str, str, str]

    def filled(self, session: date, more: dict[str, str]) -> dict[str, str]:
        """Return the fields as sent when the date (and what is in `more`) is filled in and the search is pressed.

        Raises:
            MissingPanel: a select does not offer the date.
            Drift: the form has no known date field, or lacks a field of `more`.
        """
        unknown = sorted(set(more) - set(self.fields))
        if unknown:
            msg = f"{self.page}: the search form has no field {unknown[0]}"
            raise Drift(msg)
        fields = self.fields | self.date_fields(session) | more
        name, kind, value = self.button
        if kind == "image":
            return fields | {f"{name}.x": "8", f"{name}.y": "8"}
        if kind == "submit":
            return fields | {name: value}
        return fields | {"__EVENTTARGET": name, "__EVENTARGUMENT": ""}

    def date_fields(self, session: date) -> dict[str, str]:
        """Return the date as this form's layout takes it: one text field, or (before mid-2018) three selects."""
        if "txtShareholdingDate" in self.fields:
            return {"txtShareholdingDate": f"{session:%Y/%m/%d}"}
        parts = {
            "ddlShareholdingDay": session.day,
            "ddlShareholdingMonth": session.month,
            "ddlShareholdingYear": session.year,
        }
        if not set(parts) <= set(self.options):
            msg = f"{self.page}: the search form has no known field for the date, only {', '.join(sorted(self.fields))}"
            raise Drift(msg)
        chosen = {}
        for name, number in parts.items():
            fitting = [value for value in self.options[name] if value.strip().isdigit() and int(value) == number]
            if not fitting:
                msg = f"{self.page}: {name} does not offer {session}"
                raise MissingPanel(msg)
            chosen[name] = fitting[0]
        return chosen


def holdings_fetcher(base_url: str) -> Fetch:
    """Return the fetch of the holdings pages below `base_url`; units are `market/language`, as hk/en, sz/en."""

    async def fetch(client: BrowserClient, unit: Unit, session: date) -> Fetched:
        market, _, language = unit.name.partition("/")
        return await _search(client, f"{base_url}{HOLDINGS_PAGES[language]}?t={market}", session, {})

    return fetch


def participants_fetcher(base_url: str) -> Fetch:
    """Return the fetch of the participants page below `base_url`; units are stock codes of five digits."""

    async def fetch(client: BrowserClient, unit: Unit, session: date) -> Fetched:
        return await _search(client, base_url + PARTICIPANTS_PAGE, session, {"txtStockCode": unit.name})

    return fetch


async def _search(client: BrowserClient, url: str, session: date, more: dict[str, str]) -> Fetched:
    """Return the page that the site shows for a date, whichever date it is of.

    Raises:
        CollectionFailure: no answer, or one that is not the site's own page.
    """
    if _needs_a_page(client.attempt):
        return await _through_the_page(client, url, session, more)
    form = client.state.get(url)
    if form is None:
        form = await _visit(client, url)
    return await client.post(form.action, form=form.filled(session, more), referer=form.page, guard=_own)


def _needs_a_page(attempt: Attempt) -> bool:
    return attempt.last and isinstance(attempt.previous, NOT_UNDERSTOOD)


async def _visit(client: BrowserClient, url: str) -> Form:
    """Open the page once for this visitor and remember its form."""
    async with client.page() as page:
        return await _open(client, page, url)


async def _open(client: BrowserClient, page: Page, url: str) -> Form:
    await client.navigate(page, url, guard=_own)
    await _accept_banner(client, page)
    read: dict[str, Any] | None = await page.evaluate(READ_FORM)
    if read is None:
        msg = f"{url}: the page has no search form"
        raise Drift(msg, body=(await page.content()).encode())
    button = read["button"]
    form = Form(
        page=page.url,
        action=urljoin(page.url, read["action"]),
        fields=dict(read["fields"]),
        options=read["options"],
        button=(button["name"], button["type"].lower(), button["value"]),
    )
    client.state[url] = form
    return form


async def _accept_banner(client: BrowserClient, page: Page) -> None:
    # Here, because a command that only reads needs no browser library.
    from playwright.async_api import TimeoutError as PlaywrightTimeout

    if client.state.get(BANNER):
        return
    button = page.locator(BANNER)
    try:
        await button.wait_for(state="visible", timeout=BANNER_PATIENCE_MS)
    except PlaywrightTimeout:
        # No banner: some visitors are not asked, and nothing then stands before the page.
        client.state[BANNER] = "absent"
        return
    await button.click()
    await button.wait_for(state="hidden")
    client.state[BANNER] = "accepted"


async def _through_the_page(client: BrowserClient, url: str, session: date, more: dict[str, str]) -> Fetched:
    """Fill in the form in an open page and press the search, with the page's own scripts."""
    async with client.page() as page:
        said: list[str] = []

        async def on_dialog(dialog: Dialog) -> None:
            said.append(dialog.message)
            await dialog.dismiss()

        page.on("dialog", on_dialog)
        form = await _open(client, page, url)
        form.filled(session, more)
        for name, value in form.date_fields(session).items():
            await page.evaluate(WRITE_DATE, [name, value])
        for name, value in more.items():
            await page.locator(f"[name={name}]").fill(value)
        before = len(said)

        async def press() -> None:
            await page.locator('#btnSearch, [name="btnSearch"]').first.click()
            if len(said) > before:
                msg = f"the page did not send the search for {session}: {said[-1]}"
                raise MissingPanel(msg)

        return await client.follow(page, press, guard=_own)


def _own(fetched: Fetched) -> None:
    require_own_page(fetched.body, content_type=fetched.content_type)
