"""What can go wrong on purpose: which request it hits, and how often.

Only the decision belongs here; `server.py` carries it out on the transport, the sites' answers carry out what shows in
content. No site and no column of one is named.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self

from fin_assets.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class FaultKind(StrEnum):
    """Every way in which the site can misbehave."""

    SLOW = "slow"
    """The answer comes, `delay` later. Adds to another fault on the same request."""
    RATE_LIMITED = "rate_limited"
    """429 with Retry-After."""
    UNAVAILABLE = "unavailable"
    """503."""
    REFUSED = "refused"
    """403."""
    RESET = "reset"
    """The connection is reset before a byte is sent."""
    TRUNCATED_BODY = "truncated_body"
    """The body ends in the middle; `mode` says what the headers promised."""
    WRONG_CONTENT_TYPE = "wrong_content_type"
    """200 with a JSON error, or with a page where JSON belongs."""
    CAPTCHA = "captcha"
    """200 with a page that wants proof of a human."""
    CONSENT_PAGE = "consent_page"
    """A redirect to a terms page in place of the content."""
    LOGIN_PAGE = "login_page"
    """200 with a login form."""
    FORM_STATE_REFUSED = "form_state_refused"
    """500, as for a wrong view state; only on a POST."""
    MISSING_PANEL = "missing_panel"
    """The landing page in place of a result."""
    HALF_TABLE = "half_table"
    """A well-formed result page without the second half of its rows."""
    RENAMED_COLUMN = "renamed_column"
    """A result page on which one column has another class and heading."""
    STALE_DATE = "stale_date"
    """The result page of the list day before, with that day's own heading."""
    WRONG_LOTS = "wrong_lots"
    """A well-formed result in which the lots or shares of one row are altered, so that sums do not hold."""


NEEDS_RESULT = frozenset(
    {
        FaultKind.MISSING_PANEL,
        FaultKind.HALF_TABLE,
        FaultKind.RENAMED_COLUMN,
        FaultKind.STALE_DATE,
        FaultKind.WRONG_LOTS,
    }
)
"""Kinds that change a result; a request that would not get one neither shows nor uses them up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave.

    Attributes:
        kind: what happens.
        match: glob over the path with query, or over the unit key ("hk:2017-05-02", "00700:2024-05-*").
        method: only GET or only POST; None for both.
        share: share of the matching requests that it hits, 0 to 1; decided by seed and request number.
        count: hits after which it ends; None never.
        after: matching requests that it spares first, so that a site starts to refuse in the middle.
        delay: for `slow`.
        retry_after: for `rate_limited`.
        mode: for `truncated_body`: `length` (Content-Length larger than what is sent), `chunked` (the last chunk never
            comes) or `silent` (a proxy cut the page and the headers agree with the cut).
        column: for `renamed_column`: which one, by the name that the site gives it. None, or a page that has no such
            column, renames one that readers need.

    Raises:
        SandboxError: a value out of its range.
    """

    kind: FaultKind
    match: str = "*"
    method: Literal["GET", "POST"] | None = None
    share: float = 1.0
    count: int | None = None
    after: int = 0
    delay: timedelta = timedelta(seconds=5)
    retry_after: timedelta = timedelta(seconds=2)
    mode: Literal["length", "chunked", "silent"] = "length"
    column: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could never fire or means nothing."""
        rules: dict[str, tuple[bool, str]] = {
            "match": (isinstance(self.match, str), "a glob"),
            "share": (0 <= self.share <= 1, "a number from 0 to 1"),
            "count": (self.count is None or self.count >= 1, "a whole number from 1, or left out"),
            "after": (self.after >= 0, "a whole number, 0 or more"),
            "method": (self.method in (None, "GET", "POST"), "GET or POST, or left out"),
            "mode": (self.mode in ("length", "chunked", "silent"), "length, chunked or silent"),
            "column": (isinstance(self.column, str | None), "the name of a column, or left out"),
            "delay": (self.delay >= timedelta(0), "0 seconds or more"),
            "retry_after": (self.retry_after >= timedelta(0), "0 seconds or more"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                msg = f"fault {self.kind}: {name} = {getattr(self, name)!r} must be {rule}"
                raise SandboxError(msg)

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """Read a fault as files and the control API write it: durations as `delay_seconds`, `retry_after_seconds`.

        Raises:
            SandboxError: an unknown key or kind, or a value of the wrong type.
        """
        values = dict(raw)
        for name in ("delay", "retry_after"):
            if f"{name}_seconds" in values:
                values[name] = _seconds(values.pop(f"{name}_seconds"), f"{name}_seconds")
        known = {entry.name for entry in fields(cls)}
        for key in values:
            if key not in known:
                names = [*sorted(known - {"delay", "retry_after"}), "delay_seconds", "retry_after_seconds"]
                msg = f"fault: unknown key {key!r}; known are {', '.join(names)}"
                raise SandboxError(msg)
        try:
            values["kind"] = FaultKind(values.get("kind", ""))
        except ValueError as error:
            msg = f"fault: kind = {values.get('kind')!r} must be one of {', '.join(FaultKind)}"
            raise SandboxError(msg) from error
        try:
            return cls(**values)
        except TypeError as error:
            msg = f"fault {values['kind']}: a value has the wrong type ({error})"
            raise SandboxError(msg) from error

    def to_mapping(self) -> dict[str, Any]:
        """Return the form that `from_mapping` reads."""
        raw = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        raw["kind"] = self.kind.value
        for name in ("delay", "retry_after"):
            raw[f"{name}_seconds"] = raw.pop(name).total_seconds()
        return raw


def _seconds(value: object, name: str) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"fault: {name} = {value!r} must be a number of seconds"
        raise SandboxError(msg)
    return timedelta(seconds=value)


@dataclass(slots=True)
class _Standing:
    fault: Fault
    seen: int = 0
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What happens to one request: `delay` first, then `fault`, if any."""

    delay: timedelta = timedelta(0)
    fault: Fault | None = None
    kinds: tuple[FaultKind, ...] = ()


@dataclass(slots=True)
class FaultBook:
    """The faults in force, in order; of those that change the answer the first that fires wins.

    Attributes:
        seed: decides which requests a fault with a `share` hits.
        columns: names that a fault may give; None while no site is open.
    """

    seed: int
    columns: frozenset[str] | None = None
    _standing: list[_Standing] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these faults in force in place of all others, with fresh counts.

        Raises:
            SandboxError: one names a column that no site has; nothing changes then.
        """
        fresh = [_Standing(fault) for fault in faults]
        for entry in fresh:
            self._require_column(entry.fault)
        with self._lock:
            self._standing = fresh

    def add(self, fault: Fault) -> None:
        """Put one more fault in force, after the others.

        Raises:
            SandboxError: it names a column that no site has.
        """
        self._require_column(fault)
        with self._lock:
            self._standing.append(_Standing(fault))

    def know_columns(self, columns: Iterable[str]) -> None:
        """Learn the columns of the open sites, and check the faults in force.

        Raises:
            SandboxError: one names a column that no site has.
        """
        self.columns = frozenset(columns)
        for entry in self._standing:
            self._require_column(entry.fault)

    def _require_column(self, fault: Fault) -> None:
        if self.columns is not None and fault.column is not None and fault.column not in self.columns:
            msg = f"fault {fault.kind}: column = {fault.column!r} must be one of {', '.join(sorted(self.columns))}"
            raise SandboxError(msg)

    def listed(self) -> list[dict[str, Any]]:
        """Return each fault as a mapping, with how many requests it has `seen` and `hits`."""
        with self._lock:
            return [{**entry.fault.to_mapping(), "seen": entry.seen, "hits": entry.hits} for entry in self._standing]

    def draw(
        self,
        *,
        method: str,
        targets: tuple[str, ...],
        has_result: bool,
        known: frozenset[FaultKind] = frozenset(FaultKind),
    ) -> Drawn:
        """Decide what happens to a request.

        Args:
            method: GET or POST.
            targets: what `match` may hit: path with query, and the unit key.
            has_result: the undisturbed answer would show a result.
            known: kinds that mean something on this site; others neither show nor are used up.
        """
        delay, chosen, kinds = timedelta(0), None, []
        with self._lock:
            for number, entry in enumerate(self._standing):
                fault = entry.fault
                slow = fault.kind is FaultKind.SLOW
                if (chosen is not None and not slow) or fault.kind not in known:
                    continue
                if not _applies(fault, method, targets, has_result=has_result):
                    continue
                if fault.count is not None and entry.hits >= fault.count:
                    continue
                entry.seen += 1
                if entry.seen <= fault.after or _chance(self.seed, number, fault, entry.seen) >= fault.share:
                    continue
                entry.hits += 1
                kinds.append(fault.kind)
                if slow:
                    delay += fault.delay
                else:
                    chosen = fault
        return Drawn(delay, chosen, tuple(kinds))


def _applies(fault: Fault, method: str, targets: tuple[str, ...], *, has_result: bool) -> bool:
    if fault.method is not None and fault.method != method:
        return False
    if fault.kind in NEEDS_RESULT and not has_result:
        return False
    if fault.kind is FaultKind.FORM_STATE_REFUSED and method != "POST":
        return False
    return any(fnmatchcase(target, fault.match) for target in targets)


def _chance(seed: int, number: int, fault: Fault, request: int) -> float:
    digest = hashlib.blake2b(f"{seed}:{number}:{fault.kind}:{fault.match}:{request}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
