"""Options and addresses of the site: what `[sandbox.sites.hkex_southbound]` may say. Imports nothing that generates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from fin_assets.sandbox.options import DatasetOptions, Flag

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
