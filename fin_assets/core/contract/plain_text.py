"""Text that a site, a file or a person wrote, made fit for a place that gives some characters a meaning."""

from __future__ import annotations

import re
import unicodedata

_KEPT = "\n\t"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~&:-])")


def printable(text: str) -> str:
    r"""Return text without the characters that steer a terminal; each is shown as an escape such as `\x1b`.

    Also those that change the direction of what follows: a name could otherwise rewrite the sentence around it.
    """
    if text.isprintable():
        return text
    return "".join(char if char in _KEPT or char.isprintable() or _harmless(char) else _escaped(char) for char in text)


def _harmless(char: str) -> bool:
    # Other kinds of space; what is left unprintable are controls, formats, surrogates, private and unassigned characters.
    return unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", printable(" ".join(text.split())))
