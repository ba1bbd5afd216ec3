"""Settings: the file, the environment over it, and errors that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from fin_assets.core.contract.site import site_of
from fin_assets.core.storage.store import store_of
from fin_assets.settings import Settings, SettingsError, SourceSettings, base_url, load, source_settings
from fin_assets.sources.hkex_southbound.source import LIVE_RATE, HkexSettings


def settings_from(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "fin.toml").write_text(text, encoding="utf-8")
    return load(tmp_path)


def hkex(settings: Settings) -> HkexSettings:
    return source_settings(settings, "hkex_southbound", HkexSettings)


def test_without_a_file_the_sandbox_is_the_default(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert base_url(settings, hkex(settings)) == "http://127.0.0.1:8601/hkexnews"
    assert settings.data == tmp_path / "data"


def test_one_setting_switches_a_source_to_the_live_site_and_slows_it_down(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, '[sources.hkex_southbound]\nmode = "live"\n')
    assert base_url(settings, hkex(settings)) == "https://www3.hkexnews.hk"
    assert (hkex(settings).rate_per_second, hkex(settings).workers) == (LIVE_RATE, 1)
    assert hkex(settings).watchlist == (), "the sandbox's stocks are invented"
    assert settings.modes == {"hkex_southbound": "live"}
    store = store_of(settings)
    assert store.place("hkex_southbound") == "live/hkex_southbound", "real lists never lie among the sandbox's"
    assert store.place("idx_brokers") == "sandbox/idx_brokers", "one live source moves no other one's data"


@pytest.mark.parametrize(
    ("section", "rate"),
    [
        ({}, 200),
        ({"base_url": "http://127.0.0.1:8601/hkexnews"}, 200),
        ({"base_url": "https://www.example.com"}, 1),
        ({"mode": "live"}, 1),
        ({"mode": "live", "rate_per_second": 3}, 3),
    ],
)
def test_a_source_that_names_no_rate_is_polite_to_a_site_of_others(section: dict[str, object], rate: float) -> None:
    found = SourceSettings(**section)
    assert found.rate_per_second == rate
    assert found.workers == (5 if rate == 200 else 2)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_SOURCES__HKEX_SOUTHBOUND__WORKERS", "7")
    settings = settings_from(tmp_path, "[sources.hkex_southbound]\nworkers = 3\nlook_back_days = 5\n")
    assert (hkex(settings).workers, hkex(settings).look_back_days) == (7, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sandbox]\nprot = 1\n", "unknown key 'sandbox.prot'; did you mean 'port'"),
        ("[sandbox]\nport = 70000\n", "sandbox.port: Input should be less than or equal to 65535"),
        ("colour = 'red'\n", "unknown key 'colour'"),
        ("[sandbox\n", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_from(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wathclist = ['700']\n", "unknown key 'wathclist'; did you mean 'watchlist'"),
        ("workers = 99\n", "workers: Input should be less than or equal to 20"),
        ("watchlist = ['7O0']\n", "watchlist: Value error, '7O0' is not a stock code"),
        ("start = 2016-01-01\n", "start: Value error, the service begins on 2017-03-17"),
    ],
)
def test_a_wrong_section_of_a_source_is_refused_with_the_key(tmp_path: Path, text: str, message: str) -> None:
    settings = settings_from(tmp_path, "[sources.hkex_southbound]\n" + text)
    with pytest.raises(SettingsError, match=message):
        hkex(settings)


def test_stock_codes_of_the_watchlist_are_padded(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, "[sources.hkex_southbound]\nwatchlist = ['700', '00005']\n")
    assert hkex(settings).watchlist == ("00700", "00005")


def test_a_misspelt_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_DATADIR", "elsewhere")
    with pytest.raises(SettingsError, match="FIN_DATADIR; did you mean FIN_DATA_DIR"):
        load(tmp_path)


def test_a_secret_is_masked_wherever_settings_are_shown(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, "[sources.hkex_southbound.secrets]\ntoken = 'hunter2'\n")
    assert hkex(settings).secrets["token"].get_secret_value() == "hunter2"
    for text in (repr(settings), str(settings), repr(hkex(settings)), hkex(settings).model_dump_json()):
        assert "hunter2" not in text


def test_a_secret_comes_from_the_file_or_the_environment_and_a_missing_one_is_named(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("FIN_SOURCES__HKEX_SOUTHBOUND__SECRETS__API_KEY", "from-environment")
    own = hkex(settings_from(tmp_path, "[sources.hkex_southbound.secrets]\ntoken = 'hunter2'\n"))
    assert (own.secret("token"), own.secret("api_key")) == ("hunter2", "from-environment")
    with pytest.raises(SettingsError, match=r"secret 'password'.*__SECRETS__PASSWORD"):
        own.secret("password")


def test_a_secret_that_every_page_would_contain_is_refused_without_being_shown(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, "[sources.hkex_southbound.secrets]\ntoken = '12zq'\n")
    with pytest.raises(SettingsError, match=r"secrets\.token.*6") as caught:
        hkex(settings)
    assert "12zq" not in str(caught.value)


@pytest.mark.parametrize("key", ["base_url", "live_base_url"])
@pytest.mark.parametrize(
    "address",
    [
        "https://reader:hunter2@www.example.com",
        "https://hunter2@www.example.com",
        "https://www.example.com/api?token=hunter2",
        "https://www.example.com/#hunter2",
    ],
)
def test_an_address_with_credentials_is_refused_and_the_setting_for_them_named(
    tmp_path: Path, key: str, address: str
) -> None:
    settings = settings_from(tmp_path, f"[sources.hkex_southbound]\n{key} = '{address}'\n")
    with pytest.raises(SettingsError, match=rf"{key}: .*secrets") as caught:
        hkex(settings)
    assert "hunter2" not in str(caught.value)


def test_a_site_gets_the_allowed_hosts_and_the_secrets_of_its_source(tmp_path: Path) -> None:
    text = "[sources.hkex_southbound]\nallowed_hosts = ['files.example.com']\nsecrets = {token = 'hunter2'}\n"
    settings = settings_from(tmp_path, text)
    site = site_of(settings, hkex(settings), name="s", transport="http", hosts=("cdn.example.com",))
    assert site.hosts == ("cdn.example.com", "files.example.com")
    assert [secret.get_secret_value() for secret in site.secrets] == ["hunter2"]
    assert "hunter2" not in repr(site)


def test_a_variable_that_is_not_json_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIN_SOURCES", "hkex_southbound")
    with pytest.raises(SettingsError, match=r"FIN_SOURCES is not JSON.*FIN_SECTION__KEY"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("dataset", "hkex_southbound.dataset"),
        ("idx_dataset", "idx_brokers.dataset"),
        ("idx_more", "idx_brokers.more"),
        ("idx_tickers", "idx_brokers.tickers"),
    ],
)
def test_a_key_that_moved_says_its_present_name_in_the_file_and_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, now: str
) -> None:
    (tmp_path / "fin.toml").write_text(f"[sandbox]\n{old} = 1\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path)
    assert str(refused.value) == f"{tmp_path / 'fin.toml'}: the key 'sandbox.{old}' is now 'sandbox.sites.{now}'"
    (tmp_path / "fin.toml").unlink()
    monkeypatch.setenv(f"FIN_SANDBOX__{old.upper()}", "1")
    variable = f"FIN_SANDBOX__SITES__{now.replace('.', '__').upper()}"
    with pytest.raises(SettingsError, match=f"^environment: FIN_SANDBOX__{old.upper()} is now {variable}$"):
        load(tmp_path)
    monkeypatch.delenv(f"FIN_SANDBOX__{old.upper()}")
    monkeypatch.setenv(variable, "1")
    source, key = now.split(".")
    assert load(tmp_path).sandbox.sites == {source: {key: "1"}}
