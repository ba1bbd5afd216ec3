"""The Indonesian sites: idx.co.id's market-wide JSON and IndoPremier's broker tables, over one market.

A generated or given market (`market.py`) says what the exchange states of a session; `flows.py` makes the broker tables
that add up to it; `site.py` decides what a request gets; `routes.py` has the addresses. This module only declares the
sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.site import Dataset, OpenSite, Site
from fin_assets.sandbox.sites.idx_brokers.options import IDX, IPOT, IdxOptions

if TYPE_CHECKING:
    from fin_assets.sandbox.context import SiteContext


def _open(context: SiteContext, options: IdxOptions) -> OpenSite:
    from fin_assets.sandbox.sites.idx_brokers.site import IdxSite

    return IdxSite(context, options)


SITE: Final = Site(
    title="IDX and IndoPremier",
    prefixes=(IDX, IPOT),
    options=IdxOptions,
    open=_open,
    faults=frozenset(FaultKind) - {FaultKind.FORM_STATE_REFUSED},
    # Three years of 700 companies are 400,000 pages: the demo takes the newest sessions, fin run takes any range.
    dataset=Dataset(date_column="Date", every_session=False),
)
