"""The form's own state: made for a page, and checked when it comes back.

As on the real site a state belongs to one page, does not change between visits, and is refused when it was altered or
comes from elsewhere. Only making and checking it belongs here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERATORS: Final = {"mutualmarket": "EC4ACD6F", "searchsdw": "A7B2BBE2"}
"""What names the page's class in `__VIEWSTATEGENERATOR`."""
VIEW_STATE_REFUSED: Final = "Validation of viewstate MAC failed."
EVENT_REFUSED: Final = "Invalid postback or callback argument."
_VALIDATED: Final = "mutualmarket"
"""The page whose form also carries `__EVENTVALIDATION`."""


class FormStateRefused(Exception):
    """The posted form state is not this page's; `str(error)` is what the error page says."""


class FormState:
    """Makes and checks the hidden fields of a page's form.

    Args:
        secret: the same secret accepts the states that were made with it, across restarts.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def _signed(self, purpose: str, page: str) -> str:
        body = (
            b"\xff\x01\x0f\x0f\x05\n"
            + str(int.from_bytes(hashlib.sha256(page.encode()).digest()[:4])).encode()[:10]
            + b"dd"
        )
        mac = hmac.new(self._secret, f"{purpose}:{page}".encode(), hashlib.sha1).digest()
        return base64.b64encode(body + mac).decode()

    def fields(self, page: str) -> dict[str, str]:
        """Return the hidden fields of a page (its file name, e.g. `mutualmarket_c.aspx`)."""
        kind = page.removesuffix(".aspx").removesuffix("_c")
        found = {"__VIEWSTATE": self._signed("state", page), "__VIEWSTATEGENERATOR": GENERATORS[kind]}
        if kind == _VALIDATED:
            found["__EVENTVALIDATION"] = self._signed("event", page)
        return found

    def check(self, page: str, posted: Mapping[str, str]) -> None:
        """Accept a posted form.

        Raises:
            FormStateRefused: a hidden field is missing, altered, or from another page.
        """
        for name, value in self.fields(page).items():
            if not hmac.compare_digest(posted.get(name, "").encode(), value.encode()):
                raise FormStateRefused(EVENT_REFUSED if name == "__EVENTVALIDATION" else VIEW_STATE_REFUSED)
