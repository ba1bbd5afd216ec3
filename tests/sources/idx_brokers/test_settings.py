"""What the section of the source's settings makes of what people write."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fin_assets.sources.idx_brokers.source import IdxSettings


def test_stock_codes_in_small_letters_name_the_stocks_of_the_exchange() -> None:
    own = IdxSettings(tickers="bbca, TLKM", skip_tickers=("goto-w",))
    assert own.tickers == ("BBCA", "TLKM")
    assert own.skip_tickers == ("GOTO-W",)


def test_a_stock_code_that_is_named_twice_in_two_spellings_is_refused() -> None:
    with pytest.raises(ValidationError, match="named twice"):
        IdxSettings(tickers=("BBCA", "bbca"))
