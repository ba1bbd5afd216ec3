"""Options of a site: the model that a site subclasses, the command-line flags it declares, and how they are read.

No site is named here. The same options come from `[sandbox.sites.<source>]` in fin.toml, from the environment, from the
command line and from code; all of them pass through `read_options`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fin_assets.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Flag:
    """Stands in the `Annotated` type of an option: the option has a command-line flag of its own.

    Attributes:
        name: `--tickers`, without the `--no-` form that an option of type bool gets besides.
        metavar: what its value is called in the help; of no use for a bool.
    """

    name: str
    metavar: str = "VALUE"


class SiteOptions(BaseModel):
    """Options of one site. A site subclasses this; every option has a default and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def data(self, seed: int) -> str:
        """Return what the site serves in a few words, for people and to tell two sandboxes apart."""
        return f"generated, seed {seed}"


class DatasetOptions(SiteOptions):
    """Options of a site that can serve a file in place of generated data; the option is `dataset`, for every site."""

    dataset: Path | None = None

    def data(self, seed: int) -> str:
        """Return the file, or what is generated."""
        return str(self.dataset) if self.dataset else super().data(seed)


@dataclass(frozen=True, slots=True)
class SiteFlag:
    """A flag of the command line, and which option of which site it sets."""

    site: str
    key: str
    flag: Flag
    is_bool: bool
    description: str

    @property
    def dest(self) -> str:
        """Return the name of its value among those of a command line."""
        return f"{self.site}__{self.key}"


def flags_of(site: str, options: type[SiteOptions]) -> list[SiteFlag]:
    """Return the flags that the options of a site declare."""
    return [
        SiteFlag(site, key, flag, field.annotation is bool, field.description or "")
        for key, field in options.model_fields.items()
        for flag in field.metadata
        if isinstance(flag, Flag)
    ]


def read_options(site: str, model: type[SiteOptions], raw: Mapping[str, Any] | SiteOptions) -> SiteOptions:
    """Return the options of a site, checked.

    Raises:
        SandboxError: an unknown key or a bad value; a line for each, with the nearest known key for an unknown one.
    """
    if isinstance(raw, model):
        return raw
    values = raw.model_dump() if isinstance(raw, SiteOptions) else dict(raw)
    try:
        return model(**values)
    except ValidationError as error:
        raise SandboxError(_explained(error, f"sandbox.sites.{site}", model)) from error


def problem_with(model: type[SiteOptions], key: str, value: object) -> str | None:
    """Return why an option cannot have this value, or None if it can."""
    try:
        model(**{key: value})
    except ValidationError as error:
        return "; ".join(problem["msg"] for problem in error.errors(include_url=False))
    return None


def _explained(error: ValidationError, where: str, model: type[SiteOptions]) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, n=1)
            known = f"known keys: {', '.join(sorted(model.model_fields)) or 'none'}"
            lines.append(f"{where}: unknown key {key!r}; " + (f"did you mean {near[0]!r}?" if near else known))
        else:
            lines.append(f"{where}: {key}: {problem['msg']}" if key else f"{where}: {problem['msg']}")
    return "\n".join(lines)
