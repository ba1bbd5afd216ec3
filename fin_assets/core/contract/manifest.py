"""The manifest of a partition: which units it must have, the outcome of each, and which files count.

Values only; where they lie on disk is the business of `store`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Transport = Literal["request", "in_page", "navigation", "http", "file"]

_NAMED = 5
"""Units named in one line of a reason; the others are counted."""


class UnitState(StrEnum):
    """The outcome of one expected unit."""

    FETCHED = "fetched"
    EMPTY_CONFIRMED = "empty_confirmed"
    MISSING = "missing"
    FAILED = "failed"
    REFUSED = "refused"
    DEFERRED = "deferred"


class PartitionState(StrEnum):
    """The state of a partition. Only `complete` and `closed` are green."""

    COMPLETE = "complete"
    CLOSED = "closed"
    STALE = "stale"
    INCOMPLETE = "incomplete"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to collect."""
        return self in {PartitionState.COMPLETE, PartitionState.CLOSED}


@dataclass(frozen=True, slots=True, order=True)
class PartitionKey:
    """One table of one source on one session."""

    source: str
    table: str
    session: date

    def __str__(self) -> str:
        """Return the key as `source/table/YYYY-MM-DD`."""
        return f"{self.source}/{self.table}/{self.session}"


def collect_again(key: PartitionKey) -> str:
    """Return the command that makes a damaged manifest again, and asks for what is not stored."""
    return f"fin run {key.source} --session {key.session}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawUnit:
    """The exact bytes of one unit and how they were fetched.

    Attributes:
        unit: name of the unit within its table.
        body: what the site sent.
        url, status, content_type, transport: of the request that was answered with it.
        fetched_at: when it arrived, UTC.
        sha256: of `body`, hexadecimal.
        rows: rows that the parser found in it.
        attempts: requests that it took.
        seconds: time that it took, waits included.
        closed_reason: set if the page proves that the session has nothing (the unit is then `empty_confirmed`).
        empty_reason: set if it is proven that this one unit has nothing, in a session that has (`empty_confirmed` too).
        coverage_pct: share of the exchange's data that the page shows, in percent, where the source knows it.
    """

    unit: str
    body: bytes
    url: str
    status: int
    content_type: str
    transport: Transport
    fetched_at: datetime
    sha256: str
    rows: int
    attempts: int
    seconds: float
    closed_reason: str | None = None
    empty_reason: str | None = None
    coverage_pct: float | None = None


class Record(BaseModel):
    """A part of the manifest's JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)


FORMER_NAMES = {"via": "transport", "mends": "remedy", "heals": "retryable"}
"""Fields of a unit as version 0.1 wrote them, and their present names: homes of that version stay readable."""


class UnitRecord(Record):
    """State of one expected unit. `error` is the sentence for the user, `remedy` what to do, `evidence` relative paths.

    `not_before`: what the failure, or the site itself, wants to be waited. `coverage_pct` as in RawUnit.
    """

    unit: str
    state: UnitState
    attempts: int = 0
    status: int | None = None
    sha256: str | None = None
    bytes: int = 0
    rows: int = 0
    transport: Transport | None = None
    url: str | None = None
    fetched_at: datetime | None = None
    seconds: float = 0.0
    error_kind: str | None = None
    error: str | None = None
    remedy: str | None = None
    retryable: bool = True
    not_before: datetime | None = None
    coverage_pct: float | None = None
    evidence: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the unit is fetched, or proven empty."""
        return self.state in {UnitState.FETCHED, UnitState.EMPTY_CONFIRMED}

    @model_validator(mode="before")
    @classmethod
    def _accept_former_names(cls, values: Any) -> Any:
        return (
            {FORMER_NAMES.get(name, name): value for name, value in values.items()}
            if isinstance(values, dict)
            else values
        )


class StagedRef(Record):
    """The staged file that counts.

    `file` is relative to the data directory; `quarantined` rows are not in it. `first_date` and `last_date` are the session
    dates that its rows span; None for a file without rows, or of version 0.1. `unread` values of its pages were not understood
    and are null; the sample has the first.
    """

    file: str
    sha256: str
    rows: int
    bytes: int
    parser_version: str
    quarantined: int = 0
    quarantine_file: str | None = None
    first_date: date | None = None
    last_date: date | None = None
    unread: int = 0
    unread_sample: tuple[str, ...] = ()


class Manifest(Record):
    """The manifest of one partition.

    Attributes:
        attempts: how many times the partition has been collected or healed.
        next_retry_at: healing leaves it alone until then.
        raw_file: sealed raw file, relative to the data directory; None until complete.
        blocked_by: blocking checks that the staged rows failed; marts leave the partition out while there are any.
        unjudged: units whose row count has no reference yet: until enough sessions are known, the partition is provisional.
        half: units that proved to have too few rows after they had been sealed; healing asks for them again.
        excluded: units whose stored answer is left out of the staged rows, each with the reason.
        generation: counts sealed raw files of this partition; a revision is a new generation, old files stay.
        seconds, requests: of all attempts together.
        damage: why the file of the manifest could not be read; never written. Such a manifest knows nothing but the generation.
    """

    source: str
    table: str
    session: date
    state: PartitionState
    units: tuple[UnitRecord, ...]
    reason: str | None = None
    attempts: int = 0
    generation: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    next_retry_at: datetime | None = None
    raw_file: str | None = None
    raw_bytes: int = 0
    staged: StagedRef | None = None
    blocked_by: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    half: tuple[str, ...] = ()
    excluded: dict[str, str] = Field(default_factory=dict)
    seconds: float = 0.0
    requests: int = 0
    damage: str | None = Field(default=None, exclude=True)

    @classmethod
    def read(cls, content: bytes, key: PartitionKey, *, file: str, generation: int = 0) -> Manifest:
        """Return the manifest of a partition from its file; one that cannot be read is incomplete, with its `damage`.

        Args:
            content: of the file.
            key: the partition.
            file: name of the file, for the message.
            generation: newest sealed raw file of the partition.
        """
        try:
            found = cls.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            return cls.damaged(key, f"{file} cannot be read ({problem})", generation=generation)
        if found.key != key:
            return cls.damaged(key, f"{file} is the manifest of {found.key}", generation=generation)
        return found

    @classmethod
    def damaged(cls, key: PartitionKey, problem: str, *, generation: int = 0) -> Manifest:
        """Return what stands for a manifest that is missing or cannot be read; `problem` names the file."""
        return cls(
            source=key.source,
            table=key.table,
            session=key.session,
            state=PartitionState.INCOMPLETE,
            units=(),
            generation=generation,
            damage=problem,
            reason=f"{problem}; the stored answers are kept. Mend it: {collect_again(key)}",
        )

    @property
    def key(self) -> PartitionKey:
        """The partition that this is the manifest of."""
        return PartitionKey(self.source, self.table, self.session)

    @property
    def done(self) -> int:
        """How many units are fetched or proven empty."""
        return sum(unit.is_done for unit in self.units)

    @property
    def rows(self) -> int:
        """Rows found in the fetched units."""
        return sum(unit.rows for unit in self.units)

    @property
    def is_provisional(self) -> bool:
        """Whether the partition is complete and usable, but the row count of a unit could not be judged yet."""
        return self.state is PartitionState.COMPLETE and bool(self.unjudged) and not self.blocked_by

    @property
    def to_heal(self) -> bool:
        """Whether something is left to ask for: units that are missing, or that proved half."""
        return not self.state.is_done or bool(self.half)

    @property
    def exhausted(self) -> bool:
        """Whether no further attempt can fetch the missing units. A session whose units are not known yet is not."""
        left = self.unfinished()
        return bool(left) and not any(unit.retryable for unit in left)

    def unfinished(self) -> list[UnitRecord]:
        """Return the units that are neither fetched nor proven empty."""
        return [unit for unit in self.units if not unit.is_done]

    def why(self) -> str:
        """Return one line with the missing units and their reasons, or the reason why none is missing."""
        left = self.unfinished()
        if not left:
            return self.reason or ""
        kinds: dict[str, list[str]] = {}
        for unit in left:
            kinds.setdefault(unit.error_kind or unit.state.value, []).append(unit.unit)
        parts = [
            f"{len(names)} {kind} ({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
            for kind, names in sorted(kinds.items())
        ]
        deferred = [unit for unit in left if unit.state is UnitState.DEFERRED and unit.not_before]
        if deferred:
            first = min(deferred, key=lambda unit: (unit.not_before, unit.unit))
            parts.append(f"next: {first.error}")
        return f"{len(left)} of {len(self.units)} units: " + "; ".join(parts)
