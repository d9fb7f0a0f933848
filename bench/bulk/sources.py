"""The sample's sources as DuckDB reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """The files of one department and the columns the group-by looks at."""

    name: str
    files: str
    columns: tuple[str, ...]
    document: str
    time: str
    worst: str
    delimiter: str = ","
    is_gb18030: bool = False

    @property
    def view(self) -> str:
        return self.name.replace("-", "_")

    def read(self, folder: Path, converted: Path | None = None) -> str:
        """A table function over all files, every column as text.

        DuckDB has no GB 18030 of its own: as Latin-1 the columns are still split rightly, which is
        all the group-by needs; where names matter, `converted` has the files in UTF-8.
        """
        encoding = ", encoding = 'latin-1'" if self.is_gb18030 and converted is None else ""
        place = converted if self.is_gb18030 and converted is not None else folder
        columns = ", ".join(f"'{one}': 'VARCHAR'" for one in self.columns)
        # Rows that were cut short are left out; an empty field is an empty text.
        return (
            f"read_csv('{place / self.name / self.files}', auto_detect = false, header = true, "
            f"columns = {{{columns}}}, delim = '{self.delimiter}', quote = '\"', escape = '\"', "
            f"nullstr = '\\N', ignore_errors = true{encoding})"
        )


def _rank(column: str, worst: tuple[str, ...], middle: tuple[str, ...]) -> str:
    def listed(words: tuple[str, ...]) -> str:
        return ", ".join(f"'{one}'" for one in words)

    return (
        f"CASE WHEN {column} IN ({listed(worst)}) THEN 3 "
        f"WHEN {column} IN ({listed(middle)}) THEN 2 ELSE 1 END"
    )


SOURCES: tuple[Source, ...] = (
    Source(
        "nucleic-acid-tests",
        "*.csv",
        ("document_type", "document_number", "name", "phone", "sampled_at", "place", "result"),
        "document_number",
        "sampled_at",
        _rank("result", ("positive", "阳性"), ("inconclusive", "可疑")),
    ),
    Source(
        "quarantine-orders",
        "*.csv",
        ("证件类型", "证件号码", "姓名", "手机号", "措施", "开始时间", "地区代码"),
        "证件号码",
        "开始时间",
        "3",
        is_gb18030=True,
    ),
    Source(
        "close-contacts",
        "*.csv.zst",
        ("document_number", "name", "phone", "relation", "contact_at", "place"),
        "document_number",
        "contact_at",
        "2",
    ),
    Source(
        "border-entries",
        "*.csv.gz",
        ("type", "number", "name", "phone", "entered_at", "place"),
        "number",
        "entered_at",
        "1",
    ),
    Source(
        "risk-area-visits",
        "*.csv",
        ("place", "arrived", "document_number", "document_type", "name", "phone"),
        "document_number",
        "arrived",
        "1",
    ),
    Source(
        "vaccination",
        "*.csv.gz",
        ("document_type", "document_number", "name", "phone", "vaccinated_on", "dose", "place"),
        "document_number",
        "vaccinated_on",
        "0",
    ),
    Source(
        "fever-clinics",
        "*.csv",
        (
            "document_type",
            "document_number",
            "name",
            "phone",
            "seen_at",
            "diagnosis",
            "place",
            "hospital",
        ),
        "document_number",
        "seen_at",
        _rank("diagnosis", ("confirmed", "确诊"), ("suspected", "疑似")),
    ),
    Source(
        "self-declarations",
        "*.csv.zst",
        (
            "submitted_at",
            "document_type",
            "document_number",
            "name",
            "phone",
            "symptoms",
            "temperature",
            "place",
        ),
        "document_number",
        "submitted_at",
        _rank("symptoms", ("fever",), ("cough",)),
        delimiter="|",
    ),
)


def group_by(folder: Path) -> str:
    """Latest time and worst result per document over all files; the answer is one row.

    Nothing is cleaned: documents and times are compared as the text they are, the cheapest way.
    """
    parts = " UNION ALL ".join(
        f'SELECT "{one.document}" AS document, "{one.time}" AS time, {one.worst} AS worst '
        f"FROM {one.read(folder)}"
        for one in SOURCES
        if any((folder / one.name).glob(one.files))
    )
    return (
        "SELECT count(*), sum(rows), sum(worst), max(latest) FROM (SELECT document, "
        "count(*) AS rows, max(time) AS latest, max(worst) AS worst "
        f"FROM ({parts}) GROUP BY document)"
    )
