"""Pictures as SVG text, drawn by hand: bars of ratios, and curves over linear or log axes.

Colours come from classes that the page styles, so one picture serves light and dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

WIDTH = 480
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 40

Point = tuple[float, float]


def element(name: str, content: str = "", **attributes: object) -> str:
    """One SVG element; `class_` and `text_anchor` become class and text-anchor."""
    words = [
        f"{key.rstrip('_').replace('_', '-')}={quoteattr(number(value))}"
        for key, value in attributes.items()
    ]
    opening = " ".join([name, *words])
    return f"<{opening}>{content}</{name}>" if content else f"<{opening}/>"


def number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "label") -> str:
    return element("text", escape(words), x=x, y=y, text_anchor=anchor, class_=kind)


def picture(height: float, title: str, parts: list[str]) -> str:
    content = element("title", escape(title)) + "".join(parts)
    return element(
        "svg",
        content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        class_="picture",
        aria_label=title,
    )


def short(value: float) -> str:
    """12000 as 12k, 0.25 as 0.25."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


@dataclass(frozen=True)
class Scale:
    """From values to positions, linear or logarithmic."""

    least: float
    most: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        if self.is_log:
            low, high = math.log10(self.least), math.log10(self.most)
            share = (math.log10(max(value, self.least)) - low) / ((high - low) or 1)
        else:
            share = (value - self.least) / ((self.most - self.least) or 1)
        return self.start + min(1, max(0, share)) * (self.end - self.start)

    def ticks(self) -> list[float]:
        if self.is_log:
            low, high = math.floor(math.log10(self.least)), math.ceil(math.log10(self.most))
            powers = [10.0**power for power in range(low, high + 1)]
            few = [step * one for one in powers for step in (1, 2, 5)]
            chosen = powers if high - low > 3 else few
            return [one for one in chosen if self.least * 0.999 <= one <= self.most * 1.001]
        step = nice((self.most - self.least) / 6)
        first = math.ceil(self.least / step)
        return [index * step for index in range(first, math.floor(self.most / step + 1e-9) + 1)]


def nice(step: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above."""
    if step <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999)


@dataclass(frozen=True)
class Axis:
    label: str
    is_log: bool = False
    least: float | None = None
    most: float | None = None
    ticks: dict[float, str] = field(default_factory=dict)

    def scale(self, values: list[float], start: float, end: float) -> Scale:
        usable = [one for one in values if one > 0] if self.is_log else values
        low = self.least if self.least is not None else min(usable, default=0.1)
        high = self.most if self.most is not None else max(usable, default=1)
        if self.is_log:
            low = low if self.least is not None else low / 1.3
            high = high if self.most is not None else high * 1.3
            return Scale(low, high, start, end, True)
        low = min(low, 0)
        return Scale(low, high * 1.05 if self.most is None else high, start, end)


@dataclass(frozen=True)
class Line:
    """A named curve; `guide` ones are thin and dashed: limits and ideals."""

    name: str
    points: list[Point]
    guide: bool = False
    dots: bool = False


def curves(title: str, x: Axis, y: Axis, lines: list[Line], height: float = 280) -> str:
    """Curves with axes, grid, units and a legend."""
    legend_rows = math.ceil(len(lines) / 2)
    top = TOP + 18 * legend_rows + 14
    bottom = height + 18 * legend_rows - BOTTOM
    every = [point for line in lines for point in line.points]
    across = x.scale([one for one, _ in every], LEFT, WIDTH - RIGHT)
    up = y.scale([one for _, one in every], bottom, top)
    parts = _legend(lines) + _grid(x, y, across, up, top, bottom)
    styles = _styles(lines)
    for line, style in zip(lines, styles):
        drawable = [one for one in line.points if one[1] > 0 or not y.is_log]
        path = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in drawable)
        parts.append(element("polyline", points=path, class_=f"line {style}"))
        if line.dots:
            parts += [
                element("circle", cx=across(a), cy=up(b), r=3, class_=f"dot {style}")
                for a, b in drawable
            ]
    return picture(bottom + BOTTOM, title, parts)


def _styles(lines: list[Line]) -> list[str]:
    """A class a line: s1, s2 ... for data, guide for the rest."""
    styles, count = [], 0
    for line in lines:
        count += 0 if line.guide else 1
        styles.append("guide" if line.guide else f"s{(count - 1) % 4 + 1}")
    return styles


def _legend(lines: list[Line]) -> list[str]:
    parts = []
    for index, (line, style) in enumerate(zip(lines, _styles(lines))):
        left = LEFT + (index % 2) * (WIDTH - LEFT) / 2
        y = TOP + 18 * (index // 2)
        points = f"{left:.0f},{y - 4} {left + 18:.0f},{y - 4}"
        parts.append(element("polyline", points=points, class_=f"line {style}"))
        parts.append(text(left + 24, y, line.name))
    return parts


def _grid(x: Axis, y: Axis, across: Scale, up: Scale, top: float, bottom: float) -> list[str]:
    parts = [text(4, top - 10, y.label, kind="axis")]
    for value, words in (y.ticks or {one: short(one) for one in up.ticks()}).items():
        at = up(value)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
        parts.append(text(LEFT - 6, at + 4, words, "end"))
    for value, words in (x.ticks or {one: short(one) for one in across.ticks()}).items():
        at = across(value)
        parts.append(element("line", x1=at, x2=at, y1=top, y2=bottom, class_="grid"))
        parts.append(text(at, bottom + 16, words, "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 34, x.label, "middle", "axis"))
    return parts


@dataclass(frozen=True)
class Bar:
    """One comparison: our figure, the peer's, and their ratio with its goal."""

    name: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    goal: float | None = None


def bars(title: str, rows: list[Bar]) -> str:
    """For each comparison two bars on one scale, and the ratio beside them."""
    step, parts = 62, []
    widest = WIDTH - LEFT - RIGHT - 90
    for index, row in enumerate(rows):
        y = TOP + index * step
        parts.append(text(4, y + 4, f"{row.name} against {row.peer}, {row.unit}", kind="axis"))
        most = max(row.ours, row.theirs) or 1
        for offset, value, style in ((12, row.ours, "s1"), (30, row.theirs, "peer")):
            length = max(1.0, widest * value / most)
            at = y + offset
            parts.append(
                element("rect", x=4, y=at, width=length, height=14, rx=2, class_=f"bar {style}")
            )
            parts.append(text(10 + length, at + 11, short(value)))
        # Cut, not rounded: 0.998 is not 1.
        ratio = math.floor(row.ratio * 100) / 100
        kind = "ratio"
        if row.goal is not None:
            kind = "ratio good" if row.ratio >= row.goal else "ratio short"
        parts.append(text(WIDTH - RIGHT, y + 30, f"{ratio:.2f} ×", "end", kind))
        if row.goal is not None:
            parts.append(text(WIDTH - RIGHT, y + 45, f"goal {row.goal:g}", "end"))
    return picture(TOP + len(rows) * step, title, parts)


def percentile_axis() -> Axis:
    """Percentiles by the share above them, so that each further nine has the same room."""
    ticks = {1.0: "0", 10.0: "90", 100.0: "99", 1e3: "99.9", 1e4: "99.99"}
    return Axis("percentile, %", is_log=True, least=1, most=2e4, ticks=ticks)


def percentile_position(percentile: float) -> float:
    return 1 / max(5e-5, 1 - percentile / 100)
