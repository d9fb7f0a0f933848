"""The table "Where we lose" of bench/README.md, from results.json."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .rows import FAILED, SHORT

HEADING = "## Where we lose"
COLUMNS = "| scenario | ours | peer or goal | ratio | why |\n|---|---|---|---|---|\n"


def reasons(text: str) -> dict[str, str]:
    """What the last column says of each scenario so far: written by people, and kept."""
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \|.*\| (.*?) ?\|$", section, re.MULTILINE)
    return {name: why for name, why in rows}


def line(row: dict[str, Any], why: str) -> str:
    name = (
        row["scenario"]
        if row["measure"] in ("", row["unit"])
        else (f"{row['scenario']}: {row['measure']}")
    )
    if row["verdict"] == FAILED:
        return f"| `{name}` | not measured | | | {why or row['note'][:80]} |\n"
    shown = row["shown"]
    peer = f"{shown['peer']} {row['peer_name']}" if row["peer"] is not None else row["goal"]
    return f"| `{name}` | {shown['ours']} {row['unit']} | {peer} | {shown['ratio']} | {why} |\n"


def with_losses(text: str, rows: list[dict[str, Any]]) -> str:
    """The README with the rows that are short of their goal or failed; reasons stay."""
    known = reasons(text)
    before, _, rest = text.partition(HEADING)
    about, _, _ = rest.partition("| scenario |")
    after = rest.partition("\n## ")[2]
    lost = [row for row in rows if row["verdict"] in (SHORT, FAILED)]
    lines = []
    for row in lost:
        name = line(row, "").split("`")[1]
        lines.append(line(row, known.get(name, "")))
    return f"{before}{HEADING}{about}{COLUMNS}{''.join(lines)}\n## {after}"


def rewrite(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text(with_losses(file.read_text(), rows))
