"""Small tables, as text and as HTML."""

from __future__ import annotations

import html as _html
from typing import Optional, Sequence


def number(value: Optional[float], digits: int = 4) -> str:
    """Gives a figure for a person, "-" for unknown."""
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"


def interval(value: Optional[Sequence[float]], scale: float = 1.0) -> str:
    return "-" if value is None else f"[{number(value[0] * scale)}, {number(value[1] * scale)}]"


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in "-[+"


def text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max([len(header[i])] + [len(row[i]) for row in rows]) for i in range(len(header))]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right)]
        return "  ".join(padded).rstrip()

    return "\n".join([line(header)] + [line(row) for row in rows])


def html(header: Sequence[str], rows: Sequence[Sequence[str]], before: str = "", after: str = "") -> str:
    """before and after: plain text around the table, one paragraph a line."""

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f'<{tag} style="text-align:{"right" if _is_number(v) else "left"}">{_html.escape(v)}</{tag}>'
            for v in values
        )

    def paragraphs(lines: str) -> str:
        return "".join(f"<p>{_html.escape(p)}</p>" for p in lines.splitlines() if p)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', header)}</tr></thead>"
    return f"{paragraphs(before)}<table>{head}<tbody>{body}</tbody></table>{paragraphs(after)}"
