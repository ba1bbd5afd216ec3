"""HKEXnews: the Stock Connect holdings of each list day and the participants of a stock.

`market.py` has the shapes that `generate.py` and `dataset.py` fill, `site.py` the rules of dates, `routes.py` the
addresses. This module only declares the site.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.options import DatasetOptions, Flag
from fin_assets.sandbox.site import Dataset, OpenSite, Site

if TYPE_CHECKING:
    from fin_assets.sandbox.context import SiteContext

HKEX: Final = "/hkexnews"


class HkexOptions(DatasetOptions):
    """The section `[sandbox.sites.hkex_southbound]`."""

    dataset: Annotated[Path | None, Flag("--dataset", "FILE")] = Field(
        default=None, description="CSV or CSV.GZ in place of the generated southbound lists"
    )
    history_months: Annotated[int | None, Flag("--history-months", "MONTHS")] = Field(
        default=None, ge=1, description="how far back the site answers; default: all, the real site keeps 12"
    )
    publication_lag: timedelta = Field(
        default=timedelta(days=1), ge=timedelta(0), description="a list is on the site so long after its day"
    )
    quarterly_lag: timedelta = Field(
        default=timedelta(days=15),
        ge=timedelta(0),
        description="a northbound list of a quarter's end is on the site so long after that quarter",
    )


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
