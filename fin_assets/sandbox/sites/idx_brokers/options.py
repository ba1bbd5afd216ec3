"""Options and addresses of the sites: what `[sandbox.sites.idx_brokers]` may say. Imports nothing that generates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from fin_assets.sandbox.options import DatasetOptions, Flag

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
