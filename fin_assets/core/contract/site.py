"""One server, or one inbox, that sources ask. How it is asked belongs in `core/transport`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from fin_assets.core.contract.limits import Limits

if TYPE_CHECKING:
    from fin_assets.settings import Mode

Kind = Literal["browser", "http", "files"]
"""How a site is reached: pages of a browser, plain HTTP, a directory of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One server, or one inbox, that a source asks.

    Attributes:
        name: snake_case, unique among the sites of all sources: its quota and the index of its inbox are kept by it.
        base_url: its address by the mode in the settings, without a slash at the end; of an inbox, its directory.
        mode: sandbox or live.
        transport: how it is reached.
        rate_per_second: requests a second to one host, all workers together.
        workers: clients that ask at once, at most.
        request_timeout: for one request or navigation.
        per_day: requests a day, counted across runs; None without a quota.
        quota_timezone: IANA name of the zone whose midnight begins a day of the quota.
        longest_retry_after: a `Retry-After` beyond it counts as none.
        limits: of its answers.
        impersonate: browser whose TLS handshake plain HTTP presents, as `curl_cffi` names it; None for Python's own.
        hosts: further names of the site, to which it may redirect; its own is in `base_url`.
        secrets: values that are taken out of addresses, bodies and messages before anything is stored or shown.
    """

    name: str
    base_url: str
    mode: Mode
    transport: Kind
    rate_per_second: float = 1.0
    workers: int = 5
    request_timeout: timedelta = timedelta(seconds=30)
    per_day: int | None = None
    longest_retry_after: timedelta = timedelta(days=1)
    quota_timezone: str = "UTC"
    impersonate: str | None = None
    hosts: tuple[str, ...] = ()
    secrets: tuple[SecretStr, ...] = ()
    limits: Limits = field(default_factory=Limits)
