"""The report: one HTML file with everything in it, no script, for any screen, light or dark."""

from __future__ import annotations

from html import escape
from typing import Any

from . import pictures as draw
from .rows import FAILED, MEETS, SHORT

STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1d1d1f; --dim: #63636b;
  --rule: #dcdce0; --card: #ffffff; --s1: #1f6fd1; --s2: #b4530a; --s3: #16803c; --s4: #8a3fc7;
  --peer: #a9adb6; --good: #13703a; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #17181b; --ink: #ececf0; --dim: #a2a3ad;
  --rule: #36373d; --card: #1f2024; --s1: #6aa9f5; --s2: #f0a35e; --s3: #62c587; --s4: #c597f0;
  --peer: #6c707a; --good: #6fd398; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; }
p { max-width: 46rem; } .dim { color: var(--dim); font-size: .9rem; }
.void { background: var(--bad); color: var(--page); padding: .75rem 1rem; border-radius: 6px; }
.sum { display: flex; flex-wrap: wrap; gap: .5rem 2rem; padding: 0; list-style: none; }
.sum b { font-size: 1.5rem; }
.charts { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; padding: .75rem; background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: .5rem; } figcaption span { display: block;
  font-weight: 400; font-size: .9rem; color: var(--dim); }
.picture { width: 100%; height: auto; display: block; font: 13px system-ui, sans-serif; }
.picture text { fill: var(--dim); } .picture .axis { fill: var(--ink); }
.picture .ratio { fill: var(--ink); font-size: 18px; font-weight: 700; }
.picture .ratio.good { fill: var(--good); } .picture .ratio.short { fill: var(--bad); }
.grid { stroke: var(--rule); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.guide { stroke: var(--dim); stroke-width: 1.2; stroke-dasharray: 5 4; }
.line.s1 { stroke: var(--s1); } .line.s2 { stroke: var(--s2); } .line.s3 { stroke: var(--s3); }
.line.s4 { stroke: var(--s4); } .dot.s1, .bar.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.dot.s3 { fill: var(--s3); } .dot.s4 { fill: var(--s4); } .bar.peer { fill: var(--peer); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--rule);
  vertical-align: top; } th { color: var(--dim); font-weight: 600; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
@media (max-width: 46rem) { thead { display: none; } tr { display: grid; padding: .5rem 0;
  grid-template-columns: 1fr auto; border-bottom: 1px solid var(--rule); }
  td { border: 0; padding: .1rem .2rem; }
  td.wide { grid-column: 1 / -1; } td:empty { display: none; }
  td.n::before { content: attr(data-of) " "; color: var(--dim); } }
"""

VERDICT_CLASS = {MEETS: "good", SHORT: "bad", FAILED: "bad"}


def page(results: dict[str, Any]) -> str:
    """The whole report of one results.json."""
    body = "".join([_head(results), _pictures(results), _rows(results["rows"]), _machine(results)])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>CityCode benchmark</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _head(results: dict[str, Any]) -> str:
    rows = results["rows"]
    counts = [
        (verdict, sum(row["verdict"] == verdict for row in rows))
        for verdict in (MEETS, SHORT, FAILED, "no goal")
    ]
    items = "".join(
        f'<li><b class="{VERDICT_CLASS.get(verdict, "")}">{count}</b> {escape(verdict)}</li>'
        for verdict, count in counts
    )
    machine = results["machine"]
    kind = "Quick run" if results["quick"] else "Full run"
    where = (
        f"{kind} of {machine['date']} at commit {machine['commit']}, {results['people']:,} people, "
        f"{results['seconds'] // 60} min {results['seconds'] % 60} s, on {machine['cpu']}."
    )
    void = f'<p class="void">Void: {escape(results["void"])}</p>' if results["void"] else ""
    return (
        f'<h1>CityCode benchmark</h1>{void}<p class="dim">{escape(where)}</p>'
        f'<ul class="sum">{items}</ul>'
        "<p>Servers have one core, the load generator another. Ours and the peer take turns; "
        "figures are medians. Every scan is checked against the outcome its code must have; the "
        "journal is on. Verdicts use the measured values: nothing is rounded up to a goal.</p>"
    )


def _pictures(results: dict[str, Any]) -> str:
    data = results["pictures"]
    figures = [
        _throughput(results["rows"]),
        _latency(data.get("latency", {})),
        *_sweep(data.get("sweep")),
        _growth(data.get("growth", [])),
        _profile(data.get("profile")),
    ]
    shown = "".join(one for one in figures if one)
    return f'<h2>Pictures</h2><div class="charts">{shown}</div>' if shown else ""


def _figure(title: str, about: str, svg: str) -> str:
    return (
        f"<figure><figcaption>{escape(title)}<span>{escape(about)}</span></figcaption>"
        f"{svg}</figure>"
    )


def _throughput(rows: list[dict[str, Any]]) -> str:
    compared = [
        row
        for row in rows
        if row["peer"]
        and row["ratio"]
        and row["unit"].endswith("/s")
        and row["peer_name"] != "own peak"
    ]
    if not compared:
        return ""
    bars = [
        draw.Bar(
            row["scenario"],
            row["peer_name"],
            row["unit"],
            row["ours"],
            row["peer"],
            row["ratio"],
            float(row["goal"].rpartition(" ")[2]) if row["goal"] else None,
        )
        for row in compared
    ]
    title = "Throughput on one core"
    about = (
        "Blue: CityCode. Grey: the peer, in the same unit. Right: median of pairwise ratios, green "
        "where it meets its goal, red where it is short."
    )
    return _figure(title, about, draw.bars(title, bars))


def _latency(series: dict[str, list[list[float]]]) -> str:
    lines = [
        draw.Line(name, [(draw.percentile_position(p), us / 1_000) for p, us in curve])
        for name, curve in series.items()
    ]
    if not lines:
        return ""
    lines.append(draw.Line("goals at p50, p99, p99.9", [(2, 0.2), (100, 1), (1_000, 3)], True))
    title = "Latency by percentile"
    svg = draw.curves(title, draw.percentile_axis(), draw.Axis("ms (log)", is_log=True), lines)
    about = "Open loop counts from the intended start: waiting to be sent is part of it."
    return _figure(title, about, svg)


def _sweep(sweep: dict[str, Any] | None) -> list[str]:
    if not sweep:
        return []
    points = sweep["points"]
    offered = draw.Axis("offered, requests/s")
    most = max(point["offered"] for point in points)
    ideal = [(0.0, 0.0), (sweep["peak"], sweep["peak"]), (most, sweep["peak"])]
    answered = draw.curves(
        "Offered against answered",
        offered,
        draw.Axis("answered, requests/s"),
        [
            draw.Line("answered", [(one["offered"], one["answered"]) for one in points], dots=True),
            draw.Line("refused", [(one["offered"], one["refused"]) for one in points], dots=True),
            draw.Line("given up by clients", [(one["offered"], one["unsent"]) for one in points]),
            draw.Line("ideal", ideal, guide=True),
            draw.Line(
                "90 % of peak", [(0, 0.9 * sweep["peak"]), (most, 0.9 * sweep["peak"])], True
            ),
        ],
    )
    latencies = [(one["offered"], one["p99_ms"]) for one in points if one["p99_ms"]]
    latency = draw.curves(
        "p99 against offered",
        offered,
        draw.Axis("p99 of accepted, ms (log)", is_log=True),
        [
            draw.Line("p99 of accepted", latencies, dots=True),
            draw.Line("goal: 25 ms", [(0, 25), (most, 25)], guide=True),
        ],
    )
    return [
        _figure("Overload: answered", "10 to 300 % of the measured peak, open loop.", answered),
        _figure("Overload: latency", "What is accepted is answered soon, or not at all.", latency),
    ]


def _growth(points: list[dict[str, Any]]) -> str:
    if not points:
        return ""
    title = "Cost of a scan against population"
    ticks = {float(one["people"]): draw.short(one["people"]) for one in points}
    lines = [
        draw.Line("median", [(one["people"], one["us"]) for one in points], dots=True),
        draw.Line("least", [(one["people"], one["least"]) for one in points], guide=True),
        draw.Line("most", [(one["people"], one["most"]) for one in points], guide=True),
    ]
    svg = draw.curves(
        title,
        draw.Axis("people (log)", is_log=True, ticks=ticks),
        draw.Axis("processor time a scan, µs"),
        lines,
    )
    return _figure(title, "Distinct codes over the whole population.", svg)


def _profile(profile: dict[str, Any] | None) -> str:
    if not profile:
        return ""
    lines = "".join(
        f'<tr><td class="n">{percent:.1f} %</td><td class="wide">{escape(name[:110])}</td></tr>'
        for name, percent in [*profile["objects"], *profile["symbols"]]
    )
    about = "Share of the verifier's time under a closed loop: by object, then by function."
    return _figure("Where the time of a scan goes", about, f"<table>{lines}</table>")


def _rows(rows: list[dict[str, Any]]) -> str:
    heads = "".join(
        f"<th>{one}</th>"
        for one in ("scenario", "ours", "peer", "ratio", "spread", "goal", "verdict", "note")
    )
    lines = "".join(_row(row) for row in rows)
    return f"<h2>All rows</h2><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _row(row: dict[str, Any]) -> str:
    shown = row["shown"] if "shown" in row else {}
    measure = row["measure"] if row["measure"] != row["unit"] else ""
    name = f"<b>{escape(row['scenario'])}</b> {escape(measure)}"
    ours = f"{shown.get('ours', '')} {row['unit']}" if row["ours"] is not None else ""
    peer = f"{shown.get('peer', '')} {row['peer_name']}" if row["peer"] is not None else ""
    spread = f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}" if row["ratio_min"] else ""
    cpu = f"by processor seconds {row['cpu_ratio']:.3f}" if row.get("cpu_ratio") else ""
    note = "; ".join(part for part in (cpu, row["note"]) if part)
    cells = [
        f'<td class="wide">{name}</td>',
        _number("ours", ours),
        _number("peer", peer),
        _number("ratio", shown.get("ratio", "")),
        _number("spread", spread),
        f'<td>{escape(row["goal"])}</td>',
        f'<td class="{VERDICT_CLASS.get(row["verdict"], "dim")}">{escape(row["verdict"])}</td>',
        f'<td class="wide dim">{escape(note)}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _number(of: str, words: str) -> str:
    return f'<td class="n" data-of="{of}">{escape(words.strip())}</td>'


def _machine(results: dict[str, Any]) -> str:
    machine = dict(results["machine"])
    versions = machine.pop("versions")
    pairs = [*machine.items(), *((f"version of {name}", value) for name, value in versions.items())]
    lines = "".join(
        f"<tr><td>{escape(str(name).replace('_', ' '))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in pairs
    )
    return f"<h2>Machine</h2><table><tbody>{lines}</tbody></table>"
