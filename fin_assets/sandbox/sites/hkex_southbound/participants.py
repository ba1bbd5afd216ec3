"""Who holds a stock in the clearing system on a day: intermediaries, investors, totals.

Stateless: the table of a stock and day follows from the seed, the stock's southbound holding and its issued shares, so
any day can be asked for first. The two clearing accounts always sum to the southbound holding of that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from fin_assets.sandbox.sites.hkex_southbound import names

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

_CUSTODIANS: Final = 32
_BROKERS: Final = 420
_CLEARING_ADDRESS: Final = "8 EXAMPLE STREET BEIJING CHINA"
_REST: Final = 0.6
"""Share of what is not southbound that all but the largest custodian hold; the largest takes up every difference, as a
nominee bank does, so that the total stays put while shares change hands."""
_ROUND_LOTS: Final = 0.8
_HAVE_HIDDEN: Final = 0.9
_STEPS: Final = 16
_SLOW: Final = 60
"""Business days over which a participant's level drifts from one random value to the next."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One row; `participant_id` is empty for an investor who consented to be shown."""

    participant_id: str
    name_en: str
    name_zh: str
    address: str
    shares: int


@dataclass(frozen=True, slots=True)
class ParticipantList:
    """The table of one stock and day, largest holding first, with what its summary states.

    `hidden` and `hidden_shares` are the investors who did not consent.
    """

    code: int
    name_en: str
    name_zh: str
    issued: int
    holders: tuple[Holder, ...]
    hidden: int
    hidden_shares: int


@dataclass(frozen=True, slots=True)
class _Stock:
    ids: list[str]
    names_en: list[str]
    names_zh: list[str]
    addresses: list[str]
    salt: NDArray[np.uint64]
    period: NDArray[np.int64]
    phase: NDArray[np.int64]
    weight: NDArray[np.float64]
    lot: NDArray[np.int64]
    first_account: float
    in_ccass: float
    consenting: NDArray[np.int64]
    hidden: int


@lru_cache(maxsize=4)
def _pool(seed: int) -> tuple[list[str], list[str], list[str], list[str]]:
    rng = np.random.default_rng([seed, 77])
    custodians = names.intermediaries(_CUSTODIANS, rng=rng, custodians=True)
    brokers = names.intermediaries(_BROKERS, rng=rng, custodians=False)
    ids = [f"C{n:05d}" for n in sorted((rng.permutation(98)[:_CUSTODIANS] + 1).tolist())]
    ids += [f"B{n:05d}" for n in sorted((rng.permutation(1198)[:_BROKERS] + 1002).tolist())]
    english, chinese, addresses = (a + b for a, b in zip(custodians, brokers, strict=True))
    return ids, english, chinese, addresses


@lru_cache(maxsize=256)
def _stock(seed: int, code: int) -> _Stock:
    rng = np.random.default_rng([seed, 78, code])
    ids, english, chinese, addresses = _pool(seed)
    custodians = rng.permutation(_CUSTODIANS)[: int(rng.integers(8, 26))]
    brokers = _CUSTODIANS + rng.permutation(_BROKERS)[: int(rng.integers(50, 275))]
    picks = np.concatenate([custodians, brokers]).tolist()
    count = len(picks)
    rank = np.concatenate([np.arange(len(custodians)), 3 + np.arange(len(brokers))])
    weight = (rank + 1.0) ** -1.6 * np.exp(rng.normal(0, 0.5, count))
    weight[0] = 0.0
    return _Stock(
        ids=[ids[i] for i in picks],
        names_en=[english[i] for i in picks],
        names_zh=[chinese[i] for i in picks],
        addresses=[addresses[i] for i in picks],
        salt=rng.integers(1, 2**63, count, dtype=np.uint64),
        period=rng.integers(1, 14, count),
        phase=rng.integers(0, 1000, count),
        weight=weight / weight.sum(),
        lot=np.where(rng.random(count) < _ROUND_LOTS, 100, 1),
        first_account=float(rng.uniform(0.35, 0.65)),
        in_ccass=float(rng.uniform(0.45, 0.9)),
        consenting=rng.integers(0, 119, int(rng.integers(0, 7))),
        hidden=int(rng.integers(0, 350)) if rng.random() < _HAVE_HIDDEN else 0,
    )


def _noise(salt: NDArray[np.uint64], moment: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return reproducible values in [-1, 1) for each (salt, moment): splitmix64."""
    with np.errstate(over="ignore"):
        z = salt + moment.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit: NDArray[np.float64] = (z >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0
    return unit


def _levels(stock: _Stock, day: date) -> NDArray[np.float64]:
    """Return each participant's share of the rest: it moves on its own days only, about three in ten on one day."""
    business_day = day.toordinal() // 7 * 5 + min(day.weekday(), 4)
    moved = business_day - (business_day + stock.phase) % stock.period
    slow, part = moved // _SLOW, moved % _SLOW / _SLOW
    drift = _noise(stock.salt, slow) * (1 - part) + _noise(stock.salt, slow + 1) * part
    levels: NDArray[np.float64] = stock.weight * np.exp(0.2 * drift + 0.02 * _noise(stock.salt ^ np.uint64(255), moved))
    return levels


def participants(
    *, seed: int, code: int, name_en: str, name_zh: str, southbound: int, issued: int, day: date
) -> ParticipantList:
    """Return the participants of a stock on a list day; the clearing accounts sum to `southbound`."""
    stock = _stock(seed, code)
    others = int((issued - southbound) * stock.in_ccass)
    steps = max(int((issued - southbound) * _STEPS / issued), 0)
    scale = issued * steps / _STEPS * stock.in_ccass * _REST
    shares = np.maximum((_levels(stock, day) * scale / 1.25).astype(np.int64) // stock.lot, 1) * stock.lot
    consenting = [max(int(issued // 10_000_000 * (k % 7 + 1)) // 100, 1) * 100 for k in stock.consenting.tolist()]
    hidden_shares = stock.hidden * max(issued // 200_000_000, 1) * 100
    shares[0] = max(others - int(shares[1:].sum()) - sum(consenting) - hidden_shares, 100)
    first = int(southbound * stock.first_account)
    rows = [
        Holder(participant_id, names.CLEARING_NAME_EN, names.CLEARING_NAME_ZH, _CLEARING_ADDRESS, held)
        for participant_id, held in zip(names.CLEARING_IDS, (first, southbound - first), strict=True)
        if held
    ]
    columns = zip(stock.ids, stock.names_en, stock.names_zh, stock.addresses, shares.tolist(), strict=True)
    rows.extend(Holder(*column) for column in columns)
    rows.extend(
        Holder("", *names.investor(pick), "", held)
        for pick, held in zip(stock.consenting.tolist(), consenting, strict=True)
    )
    rows.sort(key=lambda row: (-row.shares, row.participant_id, row.name_en))
    return ParticipantList(code, name_en, name_zh, issued, tuple(rows), stock.hidden, hidden_shares)
