"""Settings: `fin.toml`, overridden by `FIN_*` environment variables. What a source alone needs is declared in its folder.

Nothing here reads the network, or from the data directory. An unknown key or a bad value is an error that names the key.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from fin_assets import clock
from fin_assets.clock import ENV as CLOCK_ENV

HOME_ENV = "FIN_HOME"
CONFIG_ENV = "FIN_CONFIG"
MOVED_KEYS = Path(__file__).with_name("moved_keys.toml")
_OTHER_ENV = {CLOCK_ENV, HOME_ENV, CONFIG_ENV}


class SettingsError(Exception):
    """The settings cannot be used; the message names each key and its error."""


class Strict(BaseModel):
    """A section of the settings: unknown keys are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Mode = Literal["sandbox", "live"]
"""Whether a source asks the embedded site or the real one."""


FIRST_YEAR, LAST_YEAR = 2015, 2099
"""Years in which the clock can be: the calendars begin and end a little outside of them."""

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")

LEAST_SECRET = 6
"""Unit: characters. A shorter secret would be found, and taken out, in every number of a page."""


class SourceSettings(Strict):
    """Keys that every source has under `[sources.<name>]`. A source subclasses this with its own keys and defaults."""

    enabled: bool = True
    mode: Mode = "sandbox"
    sandbox_path: str = ""
    live_base_url: str = ""
    base_url: str | None = Field(default=None, description="overrides the address that the mode implies")
    rate_per_second: float = Field(
        default=200.0, gt=0, le=1000, description="requests a second to one host, all workers together"
    )
    workers: int = Field(default=5, ge=1, le=20)
    request_timeout: timedelta = Field(default=timedelta(seconds=30), gt=timedelta(0))
    longest_retry_after: timedelta = Field(
        default=timedelta(days=1),
        gt=timedelta(0),
        le=timedelta(days=30),
        description="a site that asks for a longer wait (Retry-After) is retried after the usual waits instead",
    )
    look_back_days: int = Field(default=14, ge=1, le=365, description="days back that healing goes")
    max_attempts: int = Field(
        default=24, ge=1, le=100, description="attempts after which healing gives up on a partition"
    )
    row_count_below: float = Field(
        default=0.02, gt=0, lt=1, description="rows may fall short of the reference by this share (H6)"
    )
    row_count_above: float = Field(default=0.10, gt=0, lt=10, description="rows may exceed the reference by this share")
    max_body_mib: int = Field(default=32, ge=1, le=1024, description="MiB of an answer, decompressed, that are read")
    max_nesting: int = Field(
        default=256, ge=16, le=100_000, description="elements or brackets inside one another that are read"
    )
    parse_timeout: timedelta = Field(
        default=timedelta(seconds=20), gt=timedelta(0), description="time for reading one answer"
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="further hosts of the site, without ports, to which it may redirect"
    )
    secrets: dict[str, Annotated[SecretStr, Field(min_length=LEAST_SECRET)]] = Field(
        default_factory=dict, description="keys and passwords by name, taken out of all that is stored, logged or shown"
    )

    def secret(self, name: str) -> str:
        """Return a secret by name.

        Raises:
            SettingsError: it is not set; the message names the key and the variable.
        """
        if name not in self.secrets:
            msg = (
                f"the source needs the secret {name!r}: set it under [sources.<name>.secrets] in fin.toml, "
                f"or FIN_SOURCES__<NAME>__SECRETS__{name.upper()} in the environment"
            )
            raise SettingsError(msg)
        return self.secrets[name].get_secret_value()

    @field_validator("*", mode="after")
    @classmethod
    def _no_credentials_in_addresses(cls, value: Any) -> Any:
        """Refuse an address that says more than where a site is: it is shown, logged and stored with each answer."""
        if isinstance(value, str) and "://" in value:
            parts = urlsplit(value)
            if "@" in parts.netloc or parts.query or parts.fragment:
                msg = (
                    "an address has no user, password, query or fragment, since it is stored with each answer: "
                    "put keys and passwords under [sources.<name>.secrets]"
                )
                raise ValueError(msg)
        return value

    @model_validator(mode="before")
    @classmethod
    def _polite_to_others(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Ask a site of others slowly, unless the user or the source says otherwise: the defaults are for the sandbox."""
        address = values.get("base_url")
        if values.get("mode") == "live" or (address and urlsplit(str(address)).hostname not in THIS_MACHINE):
            return {"rate_per_second": 1.0, "workers": 2, **values}
        return values


class SandboxSettings(Strict):
    """The embedded sites. Options of one site alone stand under `sites` and are checked by that site's own model."""

    port: int = Field(default=8601, ge=1, le=65535)
    seed: int = 7
    start: date = date(2024, 9, 2)
    end: date | None = Field(default=None, description="the sandbox's today; default: the real one")
    latency: timedelta = timedelta(0)
    sites: dict[str, dict[str, Any]] = Field(default_factory=dict, description="options of each site, by its source")

    def dataset(self, source: str) -> Path | None:
        """Return the file that the site of a source serves in place of generated data, or None."""
        given = self.sites.get(source, {}).get("dataset")
        return None if given is None else Path(given)


class BrowserSettings(Strict):
    """The browser pool."""

    executable: Path | None = None
    recycle_after_units: int = Field(default=25, ge=1)
    restart_after_units: int = Field(default=1000, ge=1)
    restart_above_mib: int = Field(default=1200, ge=200)


class ServerSettings(Strict):
    """Ports on 127.0.0.1."""

    dagster_port: int = Field(default=3000, ge=1, le=65535)
    dashboards_port: int = Field(default=5006, ge=1, le=65535)
    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="names beside localhost to which Dagster UI and dashboards answer, without ports",
    )


class DashboardSettings(Strict):
    """Who may read the dashboards."""

    password: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="asked of every reader; plain, or as python -m dashboards --hash writes it",
    )


class WarehouseSettings(Strict):
    """Builds of the marts."""

    keep_builds: int = Field(default=5, ge=2, description="published builds to keep, for rollback and open readers")
    mix_modes: bool = Field(
        default=False,
        description="build live and sandbox sources together; control.tables and each build say which is which",
    )


class RetentionSettings(Strict):
    """How long what can be missed is kept. Raw answers and manifests stay; so does all that a current row was made of."""

    runs_days: int = Field(default=30, ge=1, description="logs of finished runs in Dagster")
    evidence_days: int = Field(
        default=90, ge=1, description="pages of failures, except those of sessions still incomplete"
    )
    quarantine_days: int = Field(default=90, ge=1, description="refused rows that no present staged file belongs to")
    staged_days: int = Field(
        default=30, ge=1, description="staged files that another one has replaced and no kept build reads"
    )
    intraday_days: int = Field(default=30, ge=1, description="snapshots of a running session, which no mart reads")
    logs_days: int = Field(default=30, ge=1, description="output of servers that have ended")


class Settings(BaseSettings):
    """All settings of one project home."""

    model_config = SettingsConfigDict(env_prefix="FIN_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path
    data_dir: Path = Path("data")
    sandbox: SandboxSettings = SandboxSettings()
    browser: BrowserSettings = BrowserSettings()
    servers: ServerSettings = ServerSettings()
    dashboards: DashboardSettings = DashboardSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    retention: RetentionSettings = RetentionSettings()
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before the file, which arrives as the initial values."""
        del settings_cls
        return (env_settings, init_settings)

    @property
    def data(self) -> Path:
        """Where everything collected and built lies, absolute. Generated and real data of a source lie apart in it."""
        return self.data_dir if self.data_dir.is_absolute() else self.home / self.data_dir

    @property
    def modes(self) -> dict[str, Mode]:
        """The mode of each source that is not in the default one."""
        return {name: "live" for name, section in self.sources.items() if section.get("mode") == "live"}

    @property
    def sandbox_url(self) -> str:
        """Where the embedded sites answer."""
        return f"http://127.0.0.1:{self.sandbox.port}"


def project_home() -> Path:
    """Return the directory that holds `fin.toml` and `data/`: `FIN_HOME`, else the checkout."""
    set_home = os.environ.get(HOME_ENV)
    return Path(set_home).resolve() if set_home else Path(__file__).resolve().parent.parent


def load(home: Path | None = None) -> Settings:
    """Read `fin.toml` (if it is there) and the environment.

    Raises:
        SettingsError: not TOML, an unknown key or environment variable, a value that does not fit, a data directory that is a
            file, or a clock that cannot be right.
    """
    home = home or project_home()
    _refuse_impossible_clock()
    if HOME_ENV in os.environ and not home.is_dir():
        msg = f"{HOME_ENV} names {home}, and there is no such directory: make it, or correct the variable"
        raise SettingsError(msg)
    path = Path(os.environ.get(CONFIG_ENV, home / "fin.toml"))
    if not path.exists():
        if CONFIG_ENV in os.environ:
            msg = f"{CONFIG_ENV} names {path}, and there is no such file: correct or unset it"
            raise SettingsError(msg)
        content: dict[str, Any] = {}
    else:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            msg = f"{path} is not valid TOML: {error}"
            raise SettingsError(msg) from error
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror}"
            raise SettingsError(msg) from error
    _refuse_unknown_environment()
    try:
        found = Settings(**{"home": home, **content})
    except ValidationError as error:
        raise SettingsError(explain(error, where=str(path), model=Settings)) from error
    except UnreadableVariable as error:
        field = re.search(r'field "(\w+)"', str(error))
        name = f"FIN_{field[1].upper()}" if field else "a FIN_ variable"
        msg = f"environment: {name} is not JSON; one key alone is set as FIN_SECTION__KEY, for example FIN_SANDBOX__PORT=8602"
        raise SettingsError(msg) from error
    if found.data.exists() and not found.data.is_dir():
        msg = f"data_dir names {found.data}, which is a file: move it, or name a directory"
        raise SettingsError(msg)
    return found


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return load()


S = TypeVar("S", bound=SourceSettings)


def source_settings(all_settings: Settings, name: str, model: type[S]) -> S:
    """Return the section `[sources.<name>]`, checked against the source's own model.

    Raises:
        SettingsError: as `load`.
    """
    try:
        return model(**all_settings.sources.get(name, {}))
    except ValidationError as error:
        raise SettingsError(explain(error, where=f"sources.{name}", model=model)) from error


def base_url(all_settings: Settings, source: SourceSettings) -> str:
    """Return the address that the source's mode implies, without a slash at the end."""
    if source.base_url:
        return source.base_url.rstrip("/")
    if source.mode == "live":
        return source.live_base_url.rstrip("/")
    return (all_settings.sandbox_url + source.sandbox_path).rstrip("/")


def explain(error: ValidationError, *, where: str, model: type[BaseModel]) -> str:
    """Return one line for each wrong key: its present name if it moved, else the nearest known key if it is unknown."""
    lines = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden" and key in _moved_keys():
            lines.append(_moved(key, where))
        elif problem["type"] == "extra_forbidden":
            known = _keys(model)
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(sorted(known))}"
            lines.append(f"{where}: unknown key {key!r}{hint}")
        else:
            lines.append(f"{where}: {key}: {problem['msg']}{_given(problem)}")
    return "\n".join(lines)


def _given(problem: Mapping[str, Any]) -> str:
    """Return the wrong value where it is one of a few words, so that a list of ten shows which one is meant."""
    return f", not {problem['input']!r}" if problem["type"] == "literal_error" else ""


def _moved_keys() -> dict[str, str]:
    """Return the present name of each key that had another."""
    moved: dict[str, str] = tomllib.loads(MOVED_KEYS.read_text(encoding="utf-8"))
    return moved


def _moved(key: str, where: str) -> str:
    now = _moved_keys()[key]
    variable = _variable(key)
    if variable in os.environ:
        return f"environment: {variable} is now {_variable(now)}"
    return f"{where}: the key {key!r} is now {now!r}"


def _variable(key: str) -> str:
    return f"FIN_{key.replace('.', '__').upper()}"


def _keys(model: type[BaseModel]) -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= _keys(field.annotation)
    return found


def _refuse_impossible_clock() -> None:
    """Refuse a clock at which no calendar has sessions: what is due, and where files lie, depends on it."""
    try:
        year = clock.now().year
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        told = f"{CLOCK_ENV}={os.environ[CLOCK_ENV]}" if os.environ.get(CLOCK_ENV) else "the clock of this machine"
        msg = f"{told} is in the year {year}, which cannot be right: set it between {FIRST_YEAR} and {LAST_YEAR}"
        raise SettingsError(msg)


def _refuse_unknown_environment() -> None:
    known = {f"FIN_{name.upper()}" for name in Settings.model_fields} | _OTHER_ENV
    for name in os.environ:
        if name.startswith("FIN_") and name.split("__", 1)[0] not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            msg = f"environment: unknown variable {name}" + (f"; did you mean {near[0]}?" if near else "")
            raise SettingsError(msg)
