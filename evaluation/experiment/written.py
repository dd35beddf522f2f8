"""An experiment as Markdown, JSON, CSV and one page."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any

from geofix.db.plain_text import visible
from geofix.evaluation.experiment.analysis import shown_negatives
from geofix.evaluation.experiment.planning import Planned
from geofix.evaluation.experiment.session import Experiment
from geofix.evaluation.experiment.tables import (
    plan_notes,
    plan_tables,
    power_table,
    result_notes,
    result_tables,
)
from geofix.evaluation.report.comparison import MODEL
from geofix.evaluation.report.page import escape, table_html, whole_page
from geofix.evaluation.report.written import finite, markdown_table

CSV_COLUMNS = (
    *("model", "strategy", "number", "control", "photo", "truth_latitude", "truth_longitude"),
    *("status", "model_km", "error_km", "negatives_shown", "run"),
)


def plan_text(planned: Planned) -> str:
    """Return what it will take and what it can find."""
    parts = [*map(markdown_table, plan_tables(planned)), _listed(plan_notes(planned))]
    return _visible("\n".join(parts))


def as_markdown(done: Experiment) -> str:
    """Return the tables and notes."""
    parts = [f"# {_title(done)}\n"]
    if not done.runs:
        return _visible(
            "\n".join([*parts, "Nothing was measured: this is the plan.\n"])
        ) + plan_text(done.planned)
    parts += map(markdown_table, result_tables(done))
    parts.append(markdown_table(power_table(done.planned)))
    parts += ["### Notes\n", _listed([*result_notes(done), *plan_notes(done.planned)])]
    return _visible("\n".join(parts))


def as_page(done: Experiment) -> str:
    """Return the tables and notes as one HTML page that fetches nothing."""
    title = escape(f"geofix experiment: {_title(done)}")
    tables = list(result_tables(done)) or list(plan_tables(done.planned))
    if done.runs:
        tables.append(power_table(done.planned))
    notes = [*(result_notes(done) if done.runs else ()), *plan_notes(done.planned)]
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    parts = [f"<h1>{title}</h1>", *map(table_html, tables), f"<h2>Notes</h2><ul>{items}</ul>"]
    return whole_page(title, parts)


def as_json(done: Experiment) -> str:
    """Return everything as JSON; what is not known is null."""
    planned = done.planned
    whole = {
        "experiment": "negatives",
        "dataset": planned.dataset,
        "method": planned.method,
        "plan": {
            "photos": len(planned.photos),
            "places": planned.places,
            "tests": planned.comparisons,
            "models": [
                {
                    "model": model,
                    "left": forecast.left,
                    "calls": forecast.left * forecast.calls.calls,
                    "tokens": forecast.tokens,
                    "cost_usd": forecast.cost_usd,
                    "hours": forecast.hours,
                    "written_bytes": forecast.written_bytes,
                }
                for model, forecast in zip(planned.models, planned.forecasts, strict=True)
            ],
            "power": [asdict(one) for one in planned.power()],
        },
        "cells": [
            {
                "model": run.model,
                "strategy": run.cell.strategy,
                "number": run.cell.number,
                "control": run.cell.control,
                "evaluation": run.evaluation,
                "silent": len(run.silent),
                "shown": asdict(shown_negatives(run)),
                "right": {
                    "model": run.right("model", planned.within_km),
                    "answers": run.right("answers", planned.within_km),
                },
            }
            for run in done.runs
        ],
        "tests": [asdict(one) for one in done.tests],
        "notes": [*(result_notes(done) if done.runs else ()), *plan_notes(planned)],
    }
    return json.dumps(finite(whole), indent=2) + "\n"


def as_csv(done: Experiment) -> str:
    """Return a row for each photo in each cell, from which all can be computed anew."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for run in done.runs:
        for result in run.results:
            shown = result.retrievals[0]["negatives"] if result.retrievals else []
            row: dict[str, Any] = {
                "model": run.model,
                "strategy": run.cell.strategy or "none",
                "number": run.cell.number,
                "control": run.cell.control,
                "model_km": result.peers_km.get(MODEL),
                "negatives_shown": len(shown),
            }
            kept = {name: getattr(result, name) for name in CSV_COLUMNS if name not in row}
            writer.writerow(row | kept)
    return text.getvalue()


def _title(done: Experiment) -> str:
    return f"negatives on {done.planned.dataset}"


def _listed(notes: Any) -> str:
    return "\n".join(f"- {note}" for note in notes) + "\n"


def _visible(text: str) -> str:
    # Names of files, galleries and models are strangers'.
    return "\n".join(visible(line) for line in text.split("\n"))
