"""Pages of the protection vendors, consent and login pages, and what every source takes them for.

They are written by hand after the marks that the vendors' own pages carry.
"""

from __future__ import annotations

import pytest

from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    ConsentPage,
    LoginWall,
    Refused,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.transport.blocked import classify_blocked_page
from fin_assets.sources.hkex_southbound.page import require_own_page
from fin_assets.sources.idx_brokers.page import require_broker_page


def page(title: str, body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>".encode()


PAGES: dict[str, tuple[bytes, type[CollectionFailure]]] = {
    "Cloudflare, Just a moment": (
        page(
            "Just a moment...",
            "<noscript>Enable JavaScript and cookies to continue</noscript>",
            "<script>window._cf_chl_opt={cType:'managed'}</script>",
        ),
        Refused,
    ),
    "Cloudflare, Attention Required": (
        page("Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1><div class='cf-error-details'>"),
        Refused,
    ),
    "Cloudflare Turnstile on the site's own form": (
        page("Verify", "<form><div class='cf-turnstile' data-sitekey='x'></div></form>"),
        CaptchaPage,
    ),
    "Akamai, Access Denied": (
        page(
            "Access Denied",
            "<h1>Access Denied</h1> You don't have permission to access this server. Reference #18."
            " https://errors.edgesuite.net/18.1",
        ),
        Refused,
    ),
    "Imperva": (
        page(
            "",
            "Request unsuccessful. Incapsula incident ID: 1-2",
            "<script src='/_Incapsula_Resource?SWJIYLWA=1'></script>",
        ),
        Refused,
    ),
    "DataDome": (
        page(
            "example.com",
            "<p id='cmsg'>Please enable JS and disable any ad blocker</p>",
            "<script src='https://ct.captcha-delivery.com/c.js'></script>",
        ),
        CaptchaPage,
    ),
    "HUMAN": (
        page(
            "Access to this page has been denied",
            "<div id='px-captcha'></div> Press &amp; Hold to confirm you are a human",
        ),
        CaptchaPage,
    ),
    "AWS WAF": (
        page(
            "Human Verification",
            "<div id='captcha-container'></div>",
            "<script src='https://x.token.awswaf.com/challenge.js'></script>",
        ),
        Refused,
    ),
    "BIG-IP": (
        page(
            "Request Rejected",
            "The requested URL was rejected. Please consult with your administrator. Your support ID is: 123",
        ),
        Refused,
    ),
    "Sucuri": (
        page("Sucuri WebSite Firewall - Access Denied", "<h1>Access Denied - Sucuri Website Firewall</h1>"),
        Refused,
    ),
    "Kasada": (
        page(
            "",
            "",
            "<script>window.KPSDK={};</script><script src='/149e9513-01fa-4fb0-aad4-566afd725d1b/ips.js'></script>",
        ),
        Refused,
    ),
    "DDoS-Guard": (page("DDoS-Guard", "Checking your browser before accessing"), Refused),
    "Google, unusual traffic": (
        page("Sorry...", "Our systems have detected unusual traffic from your computer network."),
        CaptchaPage,
    ),
    "reCAPTCHA": (page("One step", "<div class='g-recaptcha' data-sitekey='k'></div>"), CaptchaPage),
    "hCaptcha": (page("One step", "<script src='https://js.hcaptcha.com/1/api.js'></script>"), CaptchaPage),
    "GeeTest in Chinese": (page("验证", "请完成验证码 <div class='geetest_btn'></div>"), CaptchaPage),
    "plain 403": (page("403 Forbidden", "<h1>403 Forbidden</h1>"), Refused),
    "consent of cookies": (page("Before you continue", "We use cookies. <button>Accept all</button>"), ConsentPage),
    "terms in Chinese": (page("使用條款", "請閱讀免責聲明 <button>同意</button>"), ConsentPage),
    "terms in Thai": (page("ข้อกำหนด", "ข้อกำหนดการใช้งาน <button>ยอมรับ</button>"), ConsentPage),
    "login": (page("Sign in", "<form><input type=password></form>"), LoginWall),
    "login in Indonesian": (page("Masuk", "Silakan login untuk melanjutkan"), LoginWall),
    "cut in the middle": (b"<html><head><title>Data</title></head><body><table><tr><td>1", TruncatedBody),
    "another page": (page("Welcome", "<p>Nothing here.</p>"), WrongContentType),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_block_page_is_taken_for_what_it_is(name: str) -> None:
    body, kind = PAGES[name]
    found = classify_blocked_page(body, wanted="the list")
    assert type(found) is kind
    assert "instead of the list" in str(found)
    assert found.body == body


@pytest.mark.parametrize("name", PAGES)
def test_every_source_takes_a_block_page_for_the_same(name: str) -> None:
    body, kind = PAGES[name]
    for require in (require_own_page, require_broker_page):
        with pytest.raises(CollectionFailure) as caught:
            require(body, content_type="text/html")
        assert type(caught.value) is kind, require.__module__


def test_no_refusal_is_retried_within_the_attempt() -> None:
    for name, (body, kind) in PAGES.items():
        if issubclass(kind, Refused):
            assert classify_blocked_page(body, wanted="x").retry.stop_attempt, name
