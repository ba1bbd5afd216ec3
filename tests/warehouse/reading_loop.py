"""A reader process: asks again and again until the stop file appears, then says what it saw. Run by test_publish.

python reading_loop.py reader|python|shell DATA STOP
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb

from fin_assets.warehouse.reader import Reader

# The n-th build has n rows in each of two tables; any other answer is a mixture.
QUESTION = """
select
    (select build_id from control.build) as build_id,
    (select count(*) from hk__movers) as movers,
    (select max(generation) from hk__daily_holdings) as generation
"""


def ask_reader(data: Path, reader: Reader) -> dict[str, object]:
    """Ask as a dashboard does."""
    del data
    return reader.query(QUESTION).to_dicts()[0]


def ask_python(data: Path, reader: Reader) -> dict[str, object]:
    """Ask as a person's script does: a process of its own each time would do the same, more slowly."""
    del reader
    with duckdb.connect() as connection:
        connection.execute(f"attach '{data / 'warehouse.duckdb'}' as warehouse (read_only)")
        connection.execute("use warehouse")
        return connection.execute(QUESTION).pl().to_dicts()[0]


def ask_shell(data: Path, reader: Reader) -> dict[str, object]:
    """Ask as a person at the shell does."""
    del reader
    shell = Path(sys.executable).with_name("duckdb")
    command = [str(shell), "-readonly", "-json", str(data / "warehouse.duckdb"), "-c", QUESTION]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(answer.stdout)[0]
    return found


def main(kind: str, data: Path, stop: Path) -> None:
    """Ask until told to stop; print the number of answers by build, and every failure."""
    ask = {"reader": ask_reader, "python": ask_python, "shell": ask_shell}[kind]
    reader = Reader(data)
    seen: dict[str, int] = {}
    bad: list[str] = []
    while not stop.exists() or not seen:
        try:
            answer = ask(data, reader)
        except (duckdb.Error, subprocess.CalledProcessError) as error:
            bad.append(f"{error} {getattr(error, 'stderr', '')}")
            continue
        number = int(str(answer["build_id"]).rsplit("-", 1)[-1])
        if not answer["movers"] == answer["generation"] == number:
            bad.append(f"mixture: {answer}")
        seen[str(number)] = seen.get(str(number), 0) + 1
    print(json.dumps({"seen": seen, "bad": bad}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
