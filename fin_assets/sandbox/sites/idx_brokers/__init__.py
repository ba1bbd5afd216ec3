"""The Indonesian sites: idx.co.id's market-wide JSON and IndoPremier's broker tables, over one market.

A generated or given market (`market.py`) says what the exchange states of a session; `flows.py` makes the broker tables
that add up to it; `site.py` decides what a request gets; `routes.py` has the addresses. This module only declares the
sites.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from fin_assets.sandbox.faults import FaultKind
from fin_assets.sandbox.options import DatasetOptions, Flag
from fin_assets.sandbox.site import Dataset, OpenSite, Site

if TYPE_CHECKING:
    from fin_assets.sandbox.context import SiteContext

IDX: Final = "/idx"
IPOT: Final = "/ipot"
LEAST_COMPANIES: Final = 20
MOST_COMPANIES: Final = 1200
"""Bounds of the generated market; the real exchange has about 950 companies."""


class IdxOptions(DatasetOptions):
    """The section `[sandbox.sites.idx_brokers]`."""

    tickers: Annotated[int, Flag("--idx-tickers", "COMPANIES")] = Field(
        default=60,
        ge=LEAST_COMPANIES,
        le=MOST_COMPANIES,
        description="companies with which the generated market of Jakarta begins; a few come later, fewer leave",
    )
    dataset: Annotated[Path | None, Flag("--idx-dataset", "FILE")] = Field(
        default=None, description="CSV, CSV.GZ or CSV.XZ of the exchange's daily lists in place of that market"
    )
    more: Annotated[bool, Flag("--idx-more")] = Field(
        default=True, description="broker tables of more than ten rows a side link to the complete list"
    )
    page_cap: Annotated[int | None, Flag("--idx-page-cap", "ROWS")] = Field(
        default=None, ge=1, description="most rows of one answer of idx.co.id, whatever `length` asks for"
    )

    def data(self, seed: int) -> str:
        """Return the file, or how large the generated market is."""
        given = super().data(seed)
        return given if self.dataset else f"{given}, {self.tickers} companies"


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
