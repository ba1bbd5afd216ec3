"""From a source's settings to the sites that it asks."""

from __future__ import annotations

from fin_assets.core.contract.limits import Limits
from fin_assets.core.contract.site import Kind, Site
from fin_assets.settings import Settings, SourceSettings, base_url


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
