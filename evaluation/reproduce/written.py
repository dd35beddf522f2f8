"""A plan, and what came of it, as Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from geofix.db.plain_text import visible
from geofix.evaluation.report.tables import ReportTable
from geofix.evaluation.report.written import markdown_table, not_as_asked
from geofix.evaluation.reproduce.against_published import (
    beside_table,
    kinds_told,
    others_table,
    told,
)
from geofix.evaluation.reproduce.forecast import forecast_rows
from geofix.evaluation.reproduce.published import PublishedRow, published
from geofix.evaluation.reproduce.session import (
    Planned,
    Reproduction,
    differences,
    setup_rows,
)

WIDE = 0.1
"""Width of an interval from which a published share inside it says little. IM2GPS3k's 2,997 photos
give about 0.04."""


def plan_text(planned: Planned) -> str:
    """Return what the run will take, and what was noticed of the set."""
    table = ReportTable(
        f"Plan: {planned.wanted.method} on {planned.opened.benchmark.title}",
        ("what", "how much"),
        tuple(forecast_rows(planned.forecast, planned.plan.context.told(), planned.drafted_by)),
    )
    notes = "\n".join(f"- {note}" for note in planned.opened.notes)
    return _visible(f"{markdown_table(table)}\n{notes}\n")


def as_markdown(done: Reproduction) -> str:
    """Return the tables, the set-up and the notes."""
    planned = done.planned
    method, benchmark = planned.wanted.method, planned.opened.benchmark
    parts = [f"# {method} on {benchmark.title}\n"]
    if done.shares is None:
        parts.append("Nothing was measured: this is the plan.\n")
        parts.append(plan_text(planned))
        own = [row for row in done.rows if row.method == method]
        if own:
            parts.append(markdown_table(others_table(f"Published for {method}", own)))
    else:
        followed = planned.plan.context.told()
        asked = f", {planned.drafted_by}" if planned.forecast.calls.calls else ""
        label = f"{followed}{asked}"
        table = beside_table("Beside the published rows", label, done.shares, done.compared)
        parts.append(markdown_table(table))
    others = [row for row in done.rows if row.method != method]
    if others:
        parts.append(markdown_table(others_table("Published for other methods", others)))
    setup = ReportTable(
        "Set-up",
        ("", "paper", "here"),
        tuple(setup_rows(planned, published().papers[method])),
    )
    parts.append(markdown_table(setup))
    parts += ["### Notes\n", "\n".join(f"- {note}" for note in notes_of(done)) + "\n"]
    return _visible("\n".join(parts))


def notes_of(done: Reproduction) -> Iterator[str]:
    """Give what has to be known to read the tables, a sentence or two each."""
    planned = done.planned
    wanted, benchmark = planned.wanted, planned.opened.benchmark
    yield from told(done.compared)
    if not any(row.method == wanted.method for row in done.rows):
        yield (
            f"No figure of {wanted.method} on {benchmark.title} could be sourced, so there is"
            " nothing to compare with."
        )
    unread = published().papers[wanted.method].unread
    if unread is not None:
        yield f"Of the paper of {wanted.method}, {unread}."
    yield f"Kinds of rows: {kinds_told()}"
    if done.shares is not None:
        yield from _measured_notes(done)
    yield f"Gallery photos left out as leaks: {', '.join(planned.plan.leaks)}."
    if "author" in planned.plan.leaks:
        known = sum(photo.author is not None for photo in planned.plan.photos)
        yield f"The author is known of {known:,} of {len(planned.plan.photos):,} photos."
    yield f"{benchmark.title}: {benchmark.source}."
    yield from planned.opened.notes
    yield from differences(planned)
    yield from (f"{note}." for note in dict.fromkeys(map(_note, done.rows)) if note)


def _measured_notes(done: Reproduction) -> Iterator[str]:
    planned = done.planned
    asked, whole = len(done.results), planned.opened.benchmark.photos
    if whole is not None and asked != whole:
        yield (
            f"Asked: {asked:,} photos; published rows are of {whole:,}. A part of a set can differ"
            " from the whole by more than chance."
        )
    silent = sum(result.status == "abstained" for result in done.results)
    failed = sum(result.status == "failed" for result in done.results)
    widest = max(done.shares.values(), key=lambda one: one.high - one.low) if done.shares else None
    if widest is not None and widest.high - widest.low > WIDE:
        yield (
            f"With {asked:,} photos an interval is up to {(widest.high - widest.low) * 100:.0f}"
            " points wide, so that a published share inside it says little."
        )
    if silent or failed:
        yield (
            f"Photos without an answer: {silent:,}. Photos that could not be asked about:"
            f" {failed:,}. All count as wrong."
        )
    if done.silent:
        yield (
            f"Photos of which the model's server said nothing: {len(done.silent):,}. They count as"
            " wrong. Run the same command again to ask about them again."
        )
    yield from not_as_asked(done.results)
    yield (
        "The interval is Wilson's for the effective number of photos, where photos within one"
        " degree count as one place. It says how far a share would move with other photos like"
        " these. A published share inside it is compatible with the one measured here; that does"
        " not make the two runs alike, since both were asked about the same photos."
    )
    yield f"Evaluation `{done.evaluation}`; `geofix eval --list` lists it."


def as_json(done: Reproduction) -> str:
    """Return everything as JSON; what is not known is null."""
    planned = done.planned
    forecast = planned.forecast
    whole = {
        "method": planned.wanted.method,
        "set": planned.wanted.set or planned.opened.benchmark.name,
        "evaluation": done.evaluation,
        "plan": {
            "photos": forecast.photos,
            "left": forecast.left,
            "answers": forecast.left * forecast.calls.answers,
            "calls": forecast.left * forecast.calls.calls,
            "tokens": forecast.tokens,
            "cost_usd": forecast.cost_usd,
            "hours": forecast.hours,
            "written_bytes": forecast.written_bytes,
            "gallery_photos": forecast.gallery_photos,
            "gallery_bytes": forecast.gallery_bytes,
        },
        "set_up": [
            {"what": what, "paper": paper, "here": here}
            for what, paper, here in setup_rows(planned, published().papers[planned.wanted.method])
        ],
        "measured": None
        if done.shares is None
        else {
            f"{km:g}": {"share": one.value, "low": one.low, "high": one.high, "photos": one.photos}
            for km, one in done.shares.items()
        },
        "published": [_row_json(row) for row in done.rows],
        "compared": [
            {
                **_row_json(one.row),
                "at": {
                    f"{km:g}": {
                        "published": at.published,
                        "difference": at.difference,
                        "verdict": at.verdict,
                    }
                    for km, at in one.at.items()
                },
            }
            for one in done.compared
        ],
        "notes": list(notes_of(done)),
    }
    return json.dumps(whole, indent=2) + "\n"


def _row_json(row: PublishedRow) -> dict[str, Any]:
    return {
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "shares": {f"{km:g}": one for km, one in row.shares.items()},
        "source": row.source.link,
        "title": row.source.title,
        "table": row.table,
        "note": row.note,
    }


def _note(row: PublishedRow) -> str | None:
    return row.note and f"{row.label} ({row.source.link}, {row.table}): {row.note}"


def _visible(text: str) -> str:
    # Names of files and galleries are strangers'.
    return "\n".join(visible(line) for line in text.split("\n"))
