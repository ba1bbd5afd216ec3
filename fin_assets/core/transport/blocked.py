"""What came instead of the content that was asked for: a captcha, a login, a challenge, terms to accept, or something else.

Only words and widgets that mean the same on every site belong here. What a source's own pages look like, and therefore when
to ask, is the source's business: its pages may well carry a cookie banner or a login box of their own.
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

_CHALLENGE_WIDGET = re.compile(rb"g-recaptcha|h-captcha|cf-turnstile|geetest|captcha")
_CHALLENGE_WORDS = re.compile(r"(?:you are|you're|are you) (?:a )?(?:human|robot)|not a robot|unusual traffic")
_GATE = re.compile(
    rb"cf-challenge|challenge-platform|cf-mitigated|_cf_chl|<title>\s*(?:just a moment|attention required|under attack)"
)
_GATE_WORDS = re.compile(
    r"checking your browser|verifying you|security challenge|enable javascript and cookies to continue"
)
_PASSWORD_FIELD = re.compile(rb"<input\b[^>]*\btype\s*=\s*[\"']?password")
_LOGIN_WORDS = re.compile(
    r"(?:log ?in|sign ?in) (?:to|is required|first)|please (?:log|sign) ?in|silakan (?:login|masuk)"
)
_REFUSED_WORDS = re.compile(
    r"access (?:is |was |to this page was )?denied|request (?:was |has been )?(?:blocked|rejected)|forbidden"
)
_CONSENT_SUBJECT = re.compile(r"consent|cookie|terms (?:of use|and conditions)|disclaimer|syarat dan ketentuan")
_CONSENT_ACT = re.compile(r"\b(?:agree|accept|consent|continue|setuju)\b")


def classify_blocked_page(body: bytes, *, wanted: str) -> CollectionFailure:
    """Return the typed failure of an HTML page that is not the content; `wanted` says what belongs there."""
    lowered = body.lower()
    page = LexborHTMLParser(body)
    title_node = page.css_first("title")
    title = " ".join(title_node.text().split()) if title_node else ""
    page.strip_tags(["script", "style", "noscript"])
    words = " ".join(f"{title} {page.body.text(separator=' ') if page.body else ''}".casefold().split())
    gate = _GATE.search(lowered) or _GATE_WORDS.search(words)
    challenge = _CHALLENGE_WIDGET.search(lowered) or _CHALLENGE_WORDS.search(words)
    login = _PASSWORD_FIELD.search(lowered) or _LOGIN_WORDS.search(words)
    consent = _CONSENT_SUBJECT.search(words) and _CONSENT_ACT.search(words)
    # The first that fits: words of consent stand in the footer of most pages, so they are weighed last.
    kinds: tuple[tuple[object, type[CollectionFailure], str], ...] = (
        (gate, Refused, "a challenge of the site's gate came"),
        (challenge, CaptchaPage, "the site asks for a proof of being human"),
        (login, LoginWall, "the site asks for a login"),
        (b"<html" in lowered and b"</html" not in lowered, TruncatedBody, "the page ends in the middle"),
        (_REFUSED_WORDS.search(words), Refused, "the site refuses to answer"),
        (consent, ConsentPage, "a consent page stands before the content"),
        (True, WrongContentType, "another page came"),
    )
    kind, message = next((kind, message) for fits, kind, message in kinds if fits)
    return kind(f"{message} instead of {wanted} (page {title!r}, {len(body):,} bytes)", body=body)
