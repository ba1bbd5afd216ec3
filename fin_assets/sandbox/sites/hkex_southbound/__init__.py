"""HKEXnews: the Stock Connect holdings of each list day and the participants of a stock.

`market.py` has the shapes that `generate.py` and `dataset.py` fill, `site.py` the rules of dates, `routes.py` the
addresses. This module only declares the site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.site import Dataset, OpenSite, Site
from fin_assets.sandbox.sites.hkex_southbound.options import HKEX, HkexOptions

if TYPE_CHECKING:
    from fin_assets.sandbox.context import SiteContext


def _open(context: SiteContext, options: HkexOptions) -> OpenSite:
    from fin_assets.sandbox.sites.hkex_southbound.site import HkexSite

    return HkexSite(context, options)


SITE: Final = Site(
    title="HKEXnews",
    prefixes=(HKEX,),
    options=HkexOptions,
    open=_open,
    faults=frozenset(FaultKind) - {FaultKind.WRONG_LOTS},
    # A file has one list a day, with Chinese names.
    dataset=Dataset(
        date_column="date",
        every_session=True,
        source_settings={"languages": ["zh"], "northbound": False, "watchlist": []},
    ),
)
