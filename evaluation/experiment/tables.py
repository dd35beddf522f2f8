"""An experiment, and its plan, as tables and notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from geofix.evaluation.experiment.analysis import (
    CellRun,
    CellTest,
    Outcome,
    other_positives,
    shown_negatives,
)
from geofix.evaluation.experiment.design import STRATEGIES
from geofix.evaluation.experiment.planning import POINTS, Found, Planned
from geofix.evaluation.experiment.power import ALPHA, POWER
from geofix.evaluation.experiment.session import Experiment
from geofix.evaluation.report.tables import ReportTable, length, points, share, within
from geofix.evaluation.report.written import not_as_asked
from geofix.evaluation.reproduce.forecast import forecast_rows

CALLED: dict[Outcome, str] = {"model": "the model's own word", "answers": "the answers"}


def plan_tables(planned: Planned) -> Iterator[ReportTable]:
    """Give what it will take, a column a model, and what it can find."""
    columns = []
    for model, forecast in zip(planned.models, planned.forecasts, strict=True):
        column = dict(forecast_rows(forecast, planned.method, model))
        # Its photos are one a cell.
        column["photos"] = (
            f"{len(planned.photos):,} of {planned.places:,} places, each in {len(planned.cells)}"
            f" cells; {forecast.left:,} of {forecast.photos:,} left to ask"
        )
        column["cells"] = ", ".join(cell.label for cell in planned.cells)
        columns.append(column)
    rows = tuple((name, *(column[name] for column in columns)) for name in columns[0])
    head = ("what", *("how much" for _ in columns))
    title = f"Plan of the {planned.stage}: negatives on {planned.dataset}"
    yield ReportTable(title, head, rows)
    yield power_table(planned)


def power_table(planned: Planned) -> ReportTable:
    """Return the smallest differences that it can find."""
    rows = tuple(_power_row(one) for one in planned.power())
    head = (
        *("discordant", f"found by {len(planned.photos):,} photos, one test"),
        f"corrected for {planned.comparisons:,} tests",
        f"test by {planned.places:,} places finds these",
        *(f"photos needed for {point * 100:g}" for point in POINTS),
    )
    title = (
        f"Smallest difference from no negatives found {POWER * 100:g} % of the time, in points"
        f" (alpha {ALPHA:g})"
    )
    return ReportTable(title, head, rows)


def _power_row(found: Found) -> tuple[str, ...]:
    where = "" if found.within_km is None else f", within {within(found.within_km)}"
    needed = [found.needed[point] for point in POINTS]
    return (
        f"{found.discordant * 100:.3g} %{where}",
        *(_in_points(one) for one in (found.alone, found.corrected)),
        " / ".join("-" if one is None else f"{one * 100:.0f} %" for one in found.finds),
        *("none can be" if one is None else f"{math.ceil(one):,}" for one in needed),
    )


def _in_points(difference: float | None) -> str:
    return "none" if difference is None else f"{difference * 100:.1f}"


def plan_notes(planned: Planned) -> Iterator[str]:
    """Give what has to be known to read the plan, a sentence or two each."""
    if planned.found is not None:
        photos = max((one.photos for one in planned.found.values()), default=0)
        basis = (
            f"was measured by a pilot of {photos:,} photos, which are not of the experiment (the"
            " mean over its cells, of the model with most)"
        )
    elif planned.assumed is not None:
        basis = "is assumed"
    else:
        basis = "is not known, so three are told; --pilot N measures it, --discordant states it"
    yield (
        "Discordant: the share of photos that are right in a cell and wrong without negatives, or"
        f" the other way round. It {basis}."
    )
    yield (
        "Source of the differences and of the photos needed: Connor 1987, as if every photo were a"
        " place of its own. The test that is made is exact and goes by place: how often it finds"
        " either difference is told by made-up experiments on these places. Where that is far below"
        f" {POWER * 100:g} %, only larger differences are found: ask about more places, or compare"
        " fewer strategies, numbers, distances and models."
    )
    yield (
        "A difference that is not found is not shown to be zero: look at its interval. Photos of"
        " one place may be alike; then less is found."
    )
    if planned.left_out:
        yield f"{len(planned.left_out)} rows were left out; the first: {planned.left_out[0]}"


def result_tables(done: Experiment) -> Iterator[ReportTable]:
    """Give the tables of what was measured: overview, what was shown, and each distance."""
    outcomes: list[Outcome] = ["model"]
    if any(run.errors_km("model") != run.errors_km("answers") for run in done.runs):
        outcomes.append("answers")
    by_model: dict[str, list[CellRun]] = {}
    for run in done.runs:
        by_model.setdefault(run.model, []).append(run)
    for outcome in outcomes:
        for model, runs in by_model.items():
            yield _overview(done, model, runs, outcome)
    shown = [(model, _shown(runs)) for model, runs in by_model.items()]
    # What is shown does not depend on the model, unless its server fails.
    if all(table == shown[0][1] for _, table in shown):
        shown = [("all models", shown[0][1])]
    yield from (replace(table, title=f"{model}: {table.title}") for model, table in shown)
    for outcome in outcomes:
        for model, runs in by_model.items():
            for km in done.planned.within_km:
                table = _at(done, model, runs, outcome, km)
                if table.rows:
                    yield table


def _overview(
    done: Experiment, model: str, runs: Sequence[CellRun], outcome: Outcome
) -> ReportTable:
    distances = done.planned.within_km
    tests = {(one.cell, one.km): one for one in _tests(done, model, outcome)}
    rows = []
    for run in runs:
        right = run.right(outcome, distances)
        cells = []
        for km in distances:
            one = tests.get((run.cell, km))
            apart = ""
            if one is not None:
                sure = "*" if one.adjusted_p < ALPHA else ""
                apart = f", {one.at.difference.value * 100:+.1f}{sure}"
            at = right[km]
            cells.append(f"{at.value * 100:.1f}{apart}" if at.photos else "-")
        rows.append((*_named(run), *cells))
    title = (
        f"{model}: {CALLED[outcome]}, % right, and points from none (* if the corrected p is below"
        f" {ALPHA:g})"
    )
    return ReportTable(title, ("negatives", "number", *map(within, distances)), tuple(rows))


def _shown(runs: Sequence[CellRun]) -> ReportTable:
    rows = []
    for run in runs:
        if run.cell.strategy is None:
            continue
        shown = shown_negatives(run)
        beside = "-" if math.isnan(shown.beside) else f"{shown.beside * 100:.2g}"
        rows.append(
            (
                *_named(run),
                f"{shown.mean:.1f}",
                f"{shown.fewer:,} of {shown.photos:,}",
                *(length(shown.mean_km), length(shown.median_km), beside),
            )
        )
    head = (
        *("negatives", "number", "shown, mean", "photos with fewer", "from the truth, mean"),
        *("median", "% within 25 km of it"),
    )
    return ReportTable("the negatives that were shown", head, tuple(rows))


def _at(
    done: Experiment, model: str, runs: Sequence[CellRun], outcome: Outcome, km: float
) -> ReportTable:
    tests = {one.cell: one for one in _tests(done, model, outcome) if one.km == km}
    rows = []
    for run in runs:
        right = run.right(outcome, (km,))[km]
        if not right.photos:
            continue
        one = tests.get(run.cell)
        told = ("", "", "", "")
        if one is not None:
            test = one.at.test
            told = (
                points(one.at.difference),
                f"{test.only_a} / {test.only_b}",
                f"{test.p_value:.3g}",
                "-" if math.isnan(one.adjusted_p) else f"{one.adjusted_p:.3g}",
            )
        rows.append((*_named(run), share(right), *told))
    head = (
        *("negatives", "number", "% right (95 %)", "points from none (95 %)"),
        *("right here / there only", "McNemar p", "corrected (Holm)"),
    )
    return ReportTable(f"{model}: {CALLED[outcome]} within {within(km)}", head, tuple(rows))


def _named(run: CellRun) -> tuple[str, str]:
    cell = run.cell
    return cell.strategy or cell.label, str(cell.number)


def _tests(done: Experiment, model: str, outcome: Outcome) -> list[CellTest]:
    return [one for one in done.tests if one.model == model and one.outcome == outcome]


def result_notes(done: Experiment) -> Iterator[str]:
    """Give what has to be known to read the results, a sentence or two each."""
    planned, runs = done.planned, done.runs
    words = "; ".join(f"{name}: {words}" for name, words in STRATEGIES.items())
    yield f"Negatives: {words}. Method: {planned.method}."
    others = other_positives(runs)
    yield (
        f"The similar photos differed between cells for {others:,} photos, which should not be: do"
        " not trust the comparison."
        if others
        else "The similar photos were the same in all cells, for every photo."
    )
    same = all(run.errors_km("model") == run.errors_km("answers") for run in runs)
    yield (
        "A photo for which the model named no place counts as wrong"
        + (". The answers are the model's words." if same else ", and so does an abstention.")
    )
    yield (
        "Intervals, differences and tests count places and sequences: Wilson's interval with the"
        " effective number of photos, a paired bootstrap over places, and McNemar's test with the"
        f" runs exchanged place by place. Holm's correction counts {planned.comparisons:,} tests:"
        " all cells, distances and models of one outcome. An interval of a difference is of that"
        " difference alone."
    )
    yield (
        "Only the negatives and the words that introduce them differ between cells. The papers'"
        " prompts call all negatives dissimilar, those far but alike too; geofix's has words for"
        " each kind."
    )
    yield (
        "Cells were asked one after the other, so a model that changed meanwhile would look like"
        " an effect. The control (--control) asks without negatives twice: what differs there is"
        " the model's own unsteadiness."
    )
    silent = sum(len(run.silent) for run in runs)
    if silent:
        yield (
            f"Of {silent:,} photos, over all cells, the model's server said nothing. They count as"
            " wrong. Run the same command again to ask about them again."
        )
    asked = [result for run in runs for result in run.results]
    failed = len({result.photo for result in asked if result.status == "failed"})
    if failed:
        yield f"{failed:,} photos could not be read. They count as wrong in every cell."
    # A warning about negatives that contradict is what the experiment is about.
    yield from not_as_asked(asked, "draft")
    yield "Evaluations: " + ", ".join(
        f"{run.model} {run.cell.label} `{run.evaluation}`" for run in runs
    )
