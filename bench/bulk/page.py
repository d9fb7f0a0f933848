"""The report of results.json, with the looks of bench/run's."""

from __future__ import annotations

from html import escape
from typing import Any

from suite import pictures as draw
from suite import report


def page(results: dict[str, Any]) -> str:
    body = "".join(
        [
            _head(results),
            _pictures(results["points"], results["rows"]),
            report._rows(results["rows"]),
            report._machine(results),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>CityCode computation</title><style>{report.STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _head(results: dict[str, Any]) -> str:
    machine = results["machine"]
    where = (
        f"{machine['date']} at commit {machine['commit']}, {results['people']:,} people "
        f"registered, {results['threads']} threads each, on {machine['cpu']}."
    )
    return (
        f'<h1>Colours from raw records</h1><p class="dim">{escape(where)}</p>'
        "<p>Ours is everything: reading, cleaning, matching, rules, pages, activation. The peer, "
        "DuckDB, only groups the same files by document, with the latest time and the worst "
        "result: it cleans, matches and writes nothing. Both take turns; figures are medians. "
        "Memory is what a process itself holds, without the pages of mapped files.</p>"
    )


def _pictures(points: list[dict[str, Any]], rows: list[dict[str, Any]]) -> str:
    figures = [_bars(rows)]
    if len(points) > 1:
        ticks = {float(one["records"]): draw.short(one["records"]) for one in points}
        axis = draw.Axis("rows (log)", is_log=True, ticks=ticks)
        figures += [
            _growth("Time against rows", "s (log)", axis, points, "seconds", 1),
            _growth("Memory against rows", "MiB (log)", axis, points, "memory", 2**20),
        ]
    shown = "".join(one for one in figures if one)
    return f'<h2>Pictures</h2><div class="charts">{shown}</div>' if shown else ""


def _bars(rows: list[dict[str, Any]]) -> str:
    bars = [
        draw.Bar(row["scenario"], row["peer_name"], row["unit"], row["ours"], row["peer"],
                 row["ratio"])  # fmt: skip
        for row in rows
        if row["peer"] and row["ratio"] and row["peer_name"].startswith("DuckDB")
    ]
    if not bars:
        return ""
    title = "Rows to activated generation"
    about = "Blue: CityCode. Grey: DuckDB's group-by alone. Less is better."
    return report._figure(title, about, draw.bars(title, bars))


def _growth(
    title: str, unit: str, axis: draw.Axis, points: list[dict[str, Any]], key: str, scale: int
) -> str:
    lines = [
        draw.Line(
            name, [(one["records"], one[f"{side}_{key}"] / scale) for one in points], dots=True
        )
        for side, name in (("ours", "CityCode, everything"), ("peer", "DuckDB, group-by alone"))
    ]
    svg = draw.curves(title, axis, draw.Axis(unit, is_log=True), lines)
    return report._figure(title, "Medians where there were several runs.", svg)
