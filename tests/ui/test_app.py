"""Areas are found, and the server answers their addresses."""

from __future__ import annotations

import socket

import pytest

from dashboards.app import PortTaken, make_server
from fin_assets.settings import Settings


def test_a_taken_port_is_named_with_the_setting_that_changes_it(settings: Settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port}.*servers\.dashboards_port"):
            make_server(settings, port=port)
