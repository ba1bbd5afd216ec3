"""`python -m dashboards [--port N]`: serve the pages on 127.0.0.1."""

from __future__ import annotations

import argparse
import getpass
import sys

from dashboards.app import PortTaken, serve
from dashboards.ui.guard import hashed
from fin_assets.settings import SettingsError, load


def main() -> int:
    """Run the server and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Serve the dashboards on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=None, help="instead of servers.dashboards_port of fin.toml (5006)")
    parser.add_argument("--hash", action="store_true", help="ask for a password and print what may stand in its place")
    arguments = parser.parse_args()
    if arguments.hash:
        print(hashed(getpass.getpass("password: ")))  # noqa: T201 - what was asked for
        return 0
    try:
        serve(load(), arguments.port)
    except (PortTaken, SettingsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a message for the terminal
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
