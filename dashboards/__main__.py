"""`python -m dashboards [--port N]`: serve the pages on 127.0.0.1."""

from __future__ import annotations

import argparse
import sys

from dashboards.app import PortTaken, serve
from fin_assets.settings import SettingsError, load


def main() -> int:
    """Run the server and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Serve the dashboards on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=None, help="instead of servers.dashboards_port of fin.toml (5006)")
    arguments = parser.parse_args()
    try:
        serve(load(), arguments.port)
    except (PortTaken, SettingsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a message for the terminal
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
