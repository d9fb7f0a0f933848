"""The independent check: SQL of its own makes everyone's colour from the same files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .duckdb_peer import DuckDB
from .sources import SOURCES

SCRIPT = Path(__file__).with_name("check-city-2020.sql")


@dataclass(frozen=True)
class Finding:
    """Of how many people both agree, and the first who are different."""

    people: int
    different: int
    example: str
    seconds: float


def convert(records: Path, target: Path) -> None:
    """The GB 18030 files as UTF-8, by Python's own table."""
    for source in SOURCES:
        if not source.is_gb18030:
            continue
        folder = target / source.name
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted((records / source.name).glob(source.files)):
            with file.open(encoding="gb18030", newline="") as given:
                with (folder / file.name).open("w", encoding="utf-8", newline="") as converted:
                    shutil.copyfileobj(given, converted, 1 << 20)


def prelude(records: Path, converted: Path, people: Path) -> list[str]:
    """The views and the table that the script relies on."""
    columns = (
        "document_type", "document_number", "kind", "name", "phone", "guardian_type",
        "guardian_number",
    )  # fmt: skip
    typed = ", ".join(f"'{one}': 'VARCHAR'" for one in columns)
    statements = [
        "SET preserve_insertion_order = true",
        # Serials are dense in the order of the file.
        "CREATE TABLE people AS SELECT row_number() OVER () AS serial, document_type, "
        "document_number, name, phone FROM "
        f"read_csv('{people}', auto_detect = false, header = true, columns = {{{typed}}})",
    ]
    for source in SOURCES:
        if any((records / source.name).glob(source.files)):
            rows = source.read(records, converted)
            statements.append(f"CREATE VIEW {source.view} AS SELECT * FROM {rows}")
        else:
            nothing = ", ".join(f"'' AS \"{one}\"" for one in source.columns)
            statements.append(f"CREATE VIEW {source.view} AS SELECT {nothing} WHERE false")
    return statements


COMPARISON = """
CREATE TABLE compared AS
SELECT serial, c.colour AS theirs, o.colour AS ours, c.reason AS their_reason,
  o.reason AS our_reason
FROM colours c FULL JOIN ours o USING (serial)
""".strip()

RESULT = """
SELECT count(*), count(*) FILTER (WHERE theirs IS DISTINCT FROM ours
    OR their_reason IS DISTINCT FROM our_reason),
  (SELECT string_agg(serial || ': ' || coalesce(ours || ' ' || our_reason, 'nothing') || ', by SQL '
      || coalesce(theirs || ' ' || their_reason, 'nothing'), '; ')
    FROM (SELECT * FROM compared WHERE theirs IS DISTINCT FROM ours
      OR their_reason IS DISTINCT FROM our_reason ORDER BY serial LIMIT 5))
FROM compared
""".strip()


def run(
    duckdb: DuckDB, records: Path, people: Path, colours: Path, directory: Path, threads: int
) -> Finding:
    """`colours` is what `issuer generations export` wrote."""
    converted = directory / "converted"
    convert(records, converted)
    typed = "'serial': 'BIGINT', 'colour': 'VARCHAR', 'reason': 'INTEGER', 'valid_until': 'VARCHAR'"
    statements = [
        *prelude(records, converted, people),
        SCRIPT.read_text(),
        "CREATE TABLE ours AS SELECT serial, colour, reason FROM "
        f"read_csv('{colours}', auto_detect = false, header = true, columns = {{{typed}}})",
        COMPARISON,
        RESULT,
    ]
    try:
        cost, answer = duckdb.run(statements, threads)
    finally:
        shutil.rmtree(converted, ignore_errors=True)
    count, different, example = answer["row"]
    return Finding(count, different, "" if example == "None" else example, cost.seconds)
