"""Pages that come instead of content: a challenge, a refusal, a captcha, a login, terms to accept, or something else.

One classifier for every source, so that a block page means the same everywhere. Only words and widgets that mean the same on
every site belong here. When to ask is the source's business: its own pages may carry a cookie banner or a login box.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

from fin_assets.core.contract.failures import (
    CaptchaPage,
    CollectionFailure,
    ConsentPage,
    LoginWall,
    Refused,
    TruncatedBody,
    WrongContentType,
)
from fin_assets.core.contract.text import lossy_text

# Marks of the protection vendors' own pages, in lower case. A challenge runs by itself in a browser and then lets it through,
# or does not: for us it is a refusal. A captcha wants a person.
_CHALLENGE = re.compile(
    rb"cf-challenge|challenge-platform|cf-mitigated|_cf_chl|cf-error-details|<title>\s*(?:just a moment|attention required"
    rb"|under attack|ddos-guard|one moment, please)|_incapsula_resource|incapsula incident id|sucuri website firewall"
    rb"|/_sec/cp_challenge|edgesuite\.net|errors\.edgesuite|akamai reference|awswaf|aws-waf-token|/149e9513-01fa-4fb0"
    rb"|support id is|kpsdk|ips\.js\?kp|ddos-guard|qrator|__qrator"
)
_CHALLENGE_WORDS = re.compile(
    r"checking your browser|verifying you|security challenge|enable javascript and cookies to continue"
    r"|checking if the site connection is secure|please turn javascript on and reload the page"
    r"|正在检查您的浏览器|正在檢查您的瀏覽器"
)
_CAPTCHA_WIDGET = re.compile(
    rb"g-recaptcha|h-captcha|hcaptcha\.com|cf-turnstile|geetest|captcha-delivery\.com|px-captcha|perimeterx"
    rb"|arkoselabs|funcaptcha"
)
_CAPTCHA_WORDS = re.compile(
    r"(?:you are|you're|are you) (?:a )?(?:human|robot)|not a robot|unusual traffic|press (?:&|and) hold"
    r"|驗證碼|验证码|人機驗證|人机验证"
)
_PASSWORD_FIELD = re.compile(rb"<input\b[^>]{0,500}\btype\s*=\s*[\"']?password")
_LOGIN_WORDS = re.compile(
    r"(?:log ?in|sign ?in) (?:to|is required|first)|please (?:log|sign) ?in|silakan (?:login|masuk)"
    r"|請先?登入|请先?登录|กรุณาเข้าสู่ระบบ"
)
_REFUSED_WORDS = re.compile(
    r"access (?:is |was |to this page (?:has been |was ))?denied|you have been blocked"
    r"|(?:request|requested url) (?:was |has been )?(?:blocked|rejected)|request unsuccessful|forbidden"
    r"|you don't have permission to access|拒絕存取|拒绝访问"
)
_CONSENT_SUBJECT = re.compile(
    r"consent|cookie|terms (?:of (?:use|service)|and conditions)|disclaimer|syarat dan ketentuan"
    r"|使用條款|使用条款|免責聲明|免责声明|ข้อกำหนด"
)
_CONSENT_ACT = re.compile(r"\b(?:agree|accept|consent|continue|setuju)\b|同意|接受|ยอมรับ")


def classify_blocked_page(body: bytes, *, wanted: str) -> CollectionFailure:
    """Return the typed failure of an HTML page that is not the content; `wanted` says what belongs there."""
    lowered = body.lower()
    page = LexborHTMLParser(lossy_text(body))
    title_node = page.css_first("title")
    title = " ".join(title_node.text().split()) if title_node else ""
    page.strip_tags(["script", "style", "noscript"])
    words = " ".join(f"{title} {page.body.text(separator=' ') if page.body else ''}".casefold().split())
    challenge = _CHALLENGE.search(lowered) or _CHALLENGE_WORDS.search(words)
    captcha = _CAPTCHA_WIDGET.search(lowered) or b"captcha" in lowered or _CAPTCHA_WORDS.search(words)
    login = _PASSWORD_FIELD.search(lowered) or _LOGIN_WORDS.search(words)
    consent = _CONSENT_SUBJECT.search(words) and _CONSENT_ACT.search(words)
    # The first that fits: words of consent stand in the footer of most pages, so they are weighed last.
    kinds: tuple[tuple[object, type[CollectionFailure], str], ...] = (
        (challenge, Refused, "a challenge of the site's gate came"),
        (captcha, CaptchaPage, "the site asks for a proof of being human"),
        (login, LoginWall, "the site asks for a login"),
        (b"<html" in lowered and b"</html" not in lowered, TruncatedBody, "the page ends in the middle"),
        (_REFUSED_WORDS.search(words), Refused, "the site refuses to answer"),
        (consent, ConsentPage, "a consent page stands before the content"),
        (True, WrongContentType, "another page came"),
    )
    kind, message = next((kind, message) for fits, kind, message in kinds if fits)
    return kind(f"{message} instead of {wanted} (page {title!r}, {len(body):,} bytes)", body=body)


def asks_for_a_human(body: bytes) -> bool:
    """Return whether a page has the widget of a captcha, whatever else it has."""
    return _CAPTCHA_WIDGET.search(body.lower()) is not None
