"""One server, or one inbox, that sources ask, with what the settings say of it. Transports know how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pydantic import SecretStr

from fin_assets.core.contract.limits import Limits
from fin_assets.settings import Mode, Settings, SourceSettings, base_url

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


def site_of(
    settings: Settings,
    source: SourceSettings,
    *,
    name: str,
    transport: Kind,
    address: str | None = None,
    hosts: tuple[str, ...] = (),
) -> Site:
    """Return a site with the mode, rate, workers, limits, allowed hosts and secrets of its source.

    Args:
        settings: of the home.
        source: the source's section.
        name: of the site, unique within the source.
        transport: how it is reached.
        address: where it is, if it is not where the mode of the source implies.
        hosts: further names of the site; the settings may add more.
    """
    return Site(
        name=name,
        base_url=(address or base_url(settings, source)).rstrip("/"),
        mode=source.mode,
        transport=transport,
        rate_per_second=source.rate_per_second,
        workers=source.workers,
        request_timeout=source.request_timeout,
        longest_retry_after=source.longest_retry_after,
        hosts=(*hosts, *source.allowed_hosts),
        secrets=tuple(source.secrets.values()),
        limits=Limits(
            body_bytes=source.max_body_mib << 20, nesting=source.max_nesting, parse_timeout=source.parse_timeout
        ),
    )
