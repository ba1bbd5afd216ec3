"""What a parser did not understand although it read the page: the note that people get of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Unread:
    """What a parser did not understand and no identity needs: the value is null, and a check names it.

    Attributes:
        where: the place, such as "WeightForIndex of BBCA", or the name of an unknown column.
        shown: what stands there.
    """

    where: str
    shown: str

    LONGEST: ClassVar[int] = 60
    """Characters that are shown of a value."""

    @classmethod
    def of(cls, where: str, value: object) -> Unread:
        """Return the note of a value, shortened."""
        # A lone surrogate, which JSON can hold, is escaped by `repr`: it would break the manifest.
        return cls(where, repr(value)[: cls.LONGEST])

    def __str__(self) -> str:
        """Return place and value in one line."""
        return f"{self.where}: {self.shown}"
