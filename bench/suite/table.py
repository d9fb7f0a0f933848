"""The table on the terminal."""

from __future__ import annotations

from .rows import Row

HEADINGS = ("scenario", "ours", "unit", "peer", "", "ratio", "spread", "goal", "verdict")


def cells(row: Row) -> tuple[str, ...]:
    figures = row.shown()
    spread = ""
    if row.ratio_min is not None and row.ratio_max is not None:
        spread = f"{row.ratio_min:.2f}..{row.ratio_max:.2f}"
    unit = row.unit if row.measure in ("", row.unit) else f"{row.measure}, {row.unit}"
    return (
        row.scenario,
        figures["ours"],
        unit,
        figures["peer"],
        row.peer_name,
        figures["ratio"],
        spread,
        str(row.goal or ""),
        row.verdict if not row.failed else f"failed: {row.note[:90]}",
    )


def table(rows: list[Row]) -> str:
    """Aligned columns, numbers to the right."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    numbers = {1, 3, 5, 6}
    texts = []
    for line in lines:
        padded = [
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths))
        ]
        texts.append("  ".join(padded).rstrip())
    return "\n".join(texts)
