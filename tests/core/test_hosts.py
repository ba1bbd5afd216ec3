"""Names and origins of requests: of this machine, of the settings, and of others."""

from __future__ import annotations

import pytest

from fin_assets.hosts import SETTING, Hosts

HOSTS = Hosts.of(["Pages.example.org"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000", "pages.example.org"])
def test_own_names_are_answered_whatever_the_port(host: str):
    assert HOSTS.refusal(host, None) is None
    assert HOSTS.refusal(host, f"http://{host}") is None


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "localhost.evil.example", "evil.example:3000", "localhost@evil.example", "127.0.0.1.nip.io",
     "evil.example#localhost", "localhost:80;x", "[::1", "10.0.0.1", "0.0.0.0"],
)  # fmt: skip
def test_other_names_are_refused_and_the_setting_is_named(host: str | None):
    assert SETTING in (HOSTS.refusal(host, None) or "")
    assert HOSTS.refusal(host, f"http://{host}")


@pytest.mark.parametrize(
    "origin", ["null", "", "http://evil.example", "http://localhost", "http://localhost:8080", "file://"]
)
def test_a_page_of_another_origin_may_not_ask_although_the_name_is_ours(origin: str):
    assert "may not ask" in (Hosts.of(["localhost"]).refusal("localhost:3000", origin) or "")
    assert "may not ask" in (HOSTS.refusal("localhost:3000", origin) or "")


def test_a_proxy_that_changes_the_host_keeps_the_origin_of_its_own_name():
    assert HOSTS.refusal("127.0.0.1:3000", "https://pages.example.org") is None
    assert HOSTS.refusal("127.0.0.1:3000", "https://pages.example.org:8443") is None
