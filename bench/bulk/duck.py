"""Runs one script in DuckDB, in the process that is measured.

Usage: duck.py THREADS TEMPORARY_DIRECTORY < script. Statements are separated by lines of `--;`.
Prints one JSON line: the seconds that all of them took, and the last one's first row.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb


def main() -> None:
    threads, directory = int(sys.argv[1]), sys.argv[2]
    statements = [one for one in sys.stdin.read().split("\n--;\n") if one.strip()]
    connection = duckdb.connect(
        config={"threads": str(threads), "temp_directory": directory}
    )
    started = time.monotonic()
    row = None
    for statement in statements:
        answer = connection.execute(statement)
        row = answer.fetchone() if answer.description else None
    seconds = time.monotonic() - started
    shown = [one if isinstance(one, (int, float, str)) else str(one) for one in row or ()]
    version = duckdb.__version__
    print(json.dumps({"seconds": seconds, "row": shown, "version": version}))


if __name__ == "__main__":
    main()
