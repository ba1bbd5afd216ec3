"""Failures that only these two sites have. What can happen to any source is in `core.failures`."""

from __future__ import annotations

from datetime import timedelta

from fin_assets.core.contract.failures import CollectionFailure, MissingPanel, RetryRule


class EmptyAnswer(MissingPanel):
    """The broker page is empty although the exchange has a volume for that ticker."""

    kind = "empty_answer"
    remedy = "fin heal; if it stays, the site has no table for this ticker and session: skip_tickers in fin.toml leaves it out"


class UnknownTicker(CollectionFailure):
    """The broker page does not know the ticker, although the exchange lists it."""

    kind = "unknown_ticker"
    remedy = "fin heal; if the site never has this ticker, name it in skip_tickers of sources.idx_brokers in fin.toml"


class Unreconciled(CollectionFailure):
    """What the brokers bought or sold is not what the exchange traded, or pages of one session contradict each other."""

    kind = "unreconciled"
    retry = RetryRule(times=1, backoff=timedelta(seconds=1))
    remedy = "fin heal asks for that ticker again; if it stays, compare the saved page with the session's stock_summary"


class LowCoverage(CollectionFailure):
    """The page shows only the largest brokers, and they are too small a part of what was traded."""

    kind = "low_coverage"
    retry = RetryRule(times=1, backoff=timedelta(seconds=1))
    remedy = "lower min_coverage of sources.idx_brokers in fin.toml if the site shows no complete list, then: fin heal"
