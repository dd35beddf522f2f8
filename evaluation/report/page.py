"""One self-contained page: tables and plots, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence

from geofix.db.plain_text import visible
from geofix.evaluation.report.error_map import plot_map
from geofix.evaluation.report.plots import drawn, plots_of
from geofix.evaluation.report.tables import ReportTable, comparison_table, tables_of
from geofix.evaluation.report.written import EvaluationRun, Report, about, not_as_asked, set_up

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #1c1c1c; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e3e3e3; text-align: right;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { border-bottom: 2px solid #999; font-weight: 600; }
figure { margin: 1rem 0; } figcaption { color: #555; font-size: 13px; }
img { max-width: 100%; height: auto; } code { background: #f3f3f3; padding: 0 .2rem; }
"""


def as_page(report: Report) -> str:
    """Return the report as HTML.

    Raises:
        GeofixError: matplotlib is not installed.
    """
    title = escape(f"geofix eval: {report.base.evaluation.dataset}")
    parts = [f"<h1>{title}</h1>"]
    parts += [*_about(report.base), *_run(report.base)]
    if report.comparisons:
        parts.append("<h2>Side by side</h2>")
        parts += [table_html(comparison_table(one)) for one in report.comparisons]
    for run in report.others:
        parts.append(f"<h2>{escape(run.evaluation.label)}</h2>")
        parts += _about(run)
        parts += [table_html(table) for table in tables_of(run.card)]
    if report.notes:
        parts.append(f"<h2>Notes</h2>{_items(report.notes)}")
    return whole_page(title, parts)


def _about(run: EvaluationRun) -> list[str]:
    return [f"<p>{_sentence(about(run))}</p>", _items(list(not_as_asked(run.results)))]


def _items(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def whole_page(title: str, parts: Sequence[str]) -> str:
    """Return a page of parts in HTML.

    Args:
        title: Escaped.
        parts: Its body.
    """
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def escape(text: str) -> str:
    """Return a text for the page: no markup of its own, and what hides or turns it written out."""
    return html.escape(visible(text))


def _run(run: EvaluationRun) -> Iterator[str]:
    tables = tables_of(run.card)
    yield from map(table_html, tables[:2])
    for title, figure in plots_of(run.results, set_up(run.evaluation)["method"]).items():
        yield _figure(title, drawn(figure))
    mapped = plot_map(run.results)
    if mapped is not None:
        yield _figure("Map of errors: a line from each truth to its answer", drawn(mapped))
    yield from map(table_html, tables[2:])


def _figure(title: str, svg: bytes) -> str:
    data = base64.b64encode(svg).decode("ascii")
    words = escape(title)
    return (
        f'<figure><img alt="{words}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def table_html(table: ReportTable) -> str:
    """Return a table of the page."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return (
        f"<h3>{escape(table.title)}</h3><div class=scroll><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _sentence(text: str) -> str:
    """Return a sentence whose words in backticks are code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
