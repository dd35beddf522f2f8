"""A report as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from geofix.db.plain_text import visible
from geofix.db.stores import Evaluation
from geofix.evaluation.report.comparison import Comparison
from geofix.evaluation.report.scorecard import Scorecard
from geofix.evaluation.report.tables import ReportTable, comparison_table, tables_of
from geofix.evaluation.run.result import Result

CSV_COLUMNS = (
    *("photo", "status", "truth_latitude", "truth_longitude", "accuracy_km", "country_code"),
    *("group", "sequence", "must_reject", "latitude", "longitude", "error_km", "first_km"),
    *("nearest_km", "density_km", "model_km", "oracle_km", "radius_km", "seconds", "cost_usd"),
    *("rounds", "run"),
)


MOST_REASONS = 5
"""Reasons why answers are not as asked that are listed, the most frequent first."""


@dataclass(frozen=True)
class EvaluationRun:
    """One run with its figures."""

    evaluation: Evaluation
    results: Sequence[Result]
    card: Scorecard


@dataclass(frozen=True)
class Report:
    """A base run, and others beside it."""

    base: EvaluationRun
    others: Sequence[EvaluationRun] = ()
    comparisons: Sequence[Comparison] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def as_json(report: Report) -> str:
    """Return all figures as JSON; what is not known, or infinite, is null."""
    runs = [_run_json(run) for run in (report.base, *report.others)]
    compared = [asdict(one) for one in report.comparisons]
    whole = {"runs": runs, "comparisons": compared, "notes": list(report.notes)}
    return json.dumps(finite(whole), indent=2) + "\n"


def _run_json(run: EvaluationRun) -> dict[str, Any]:
    about = asdict(run.evaluation)
    for name in ("started_at", "finished_at"):
        about[name] = None if about[name] is None else about[name].isoformat()
    differs = list(not_as_asked(run.results))
    return {"evaluation": about, "figures": asdict(run.card), "not_as_asked": differs}


def finite(value: Any) -> Any:
    """Return `value` with what JSON lacks made null, and its keys text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {_key(key): finite(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return finite(value._asdict())
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def _key(key: object) -> str:
    return f"{key:g}" if isinstance(key, float) else str(key)


def as_csv(results: Sequence[Result]) -> str:
    """Return a row a photo; an empty cell is a photo without an answer or a truth."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for result in results:
        peers = {f"{name}_km": km for name, km in result.peers_km.items()}
        found = [*result.candidate_errors_km, *result.neighbour_errors_km]
        writer.writerow(
            {**result.model_dump(mode="json"), **peers, "oracle_km": min(found, default=None)}
        )
    return text.getvalue()


def as_markdown(report: Report) -> str:
    """Return the tables as Markdown."""
    parts = [f"# {report.base.evaluation.dataset}\n"]
    for run in (report.base, *report.others):
        parts += [f"## {run.evaluation.label}\n", about(run) + "\n"]
        parts += [f"- {line}" for line in not_as_asked(run.results)]
        parts += [""]
        parts += [markdown_table(table) for table in tables_of(run.card)]
    parts += [markdown_table(comparison_table(one)) for one in report.comparisons]
    if report.notes:
        parts += ["### Notes\n", "\n".join(f"- {note}" for note in report.notes) + "\n"]
    # Names of data sets and notes quote files and tables of strangers.
    return "\n".join(visible(line) for line in "\n".join(parts).split("\n"))


def set_up(evaluation: Evaluation) -> dict[str, str]:
    """Return what tells one set-up from another: method, model, gallery, encoder and seed."""
    options, setup = evaluation.options, evaluation.setup
    galleries = options.get("context", {}).get("galleries", [])
    return {
        # Evaluations from before there were methods are of geofix's own.
        "method": str(setup.get("method", "geofix")),
        "model": str(setup.get("drafted_by", "not known")),
        "gallery": ", ".join(galleries) or "all",
        "encoder": str(setup.get("encoder", "not known")),
        "seed": str(options.get("seed", 0)),
    }


def about(run: EvaluationRun) -> str:
    """Return what was run, in a sentence or two."""
    evaluation, setup = run.evaluation, run.evaluation.setup
    left_out = ", ".join(evaluation.options.get("exclude", [])) or "nothing"
    begun = f"{evaluation.started_at:%Y-%m-%d %H:%M} UTC"
    unfinished = "" if evaluation.finished_at else f" Not finished: {len(run.results)} asked."
    return (
        f"Evaluation `{evaluation.id}`, {begun}: {evaluation.photos} photos,"
        f" {', '.join(f'{name} `{value}`' for name, value in set_up(evaluation).items())},"
        f" {setup.get('gallery_photos', 0):,} gallery photos, left out as leaks: {left_out}."
        f" Data set `{evaluation.digest[:12]}`, geofix {setup.get('geofix')}.{unfinished}"
    )


def not_as_asked(results: Sequence[Result], node: str = "") -> Iterator[str]:
    """Yield how answers differ from what was asked for, a sentence each.

    Without them a row that is named after a paper's method looks like the paper's.

    Args:
        results: Of one run or of several.
        node: Tells only what this node did without, such as `draft`; all by default.
    """
    reasons = Counter(
        reason for result in results for reason in set(result.degraded) if reason.startswith(node)
    )
    for reason, count in reasons.most_common(MOST_REASONS):
        yield f"Not as asked, {count:,} of {len(results):,} answers: {reason}"
    if len(reasons) > MOST_REASONS:
        yield f"There are {len(reasons) - MOST_REASONS:,} further reasons of this kind."


def markdown_table(table: ReportTable) -> str:
    """Return one table with its title."""
    rows = [table.head, ("---",) * len(table.head), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return f"### {table.title}\n\n" + "\n".join(lines) + "\n"
