"""What the scripts that write pages share: tables in Markdown, and where they go."""

from __future__ import annotations

import re
from collections.abc import Iterable


def inserted(text: str, name: str, table: str, page: str) -> str:
    """Replace what stands between the markers of a table; ``page`` is named where there are none."""
    pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", flags=re.S)
    if not pattern.search(text):
        raise SystemExit(f"{page} has no marker for table {name}")
    return pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
