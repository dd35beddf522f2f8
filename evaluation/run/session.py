"""What `geofix eval` does: it runs the base and the runs to compare with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from geofix.agent.context import checked_context
from geofix.agent.errors import OptionError
from geofix.agent.facade import Agent, open_agent
from geofix.agent.methods.answering import require_method
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.db.stores import Evaluation, Evaluations
from geofix.evaluation.datasets import galleries_for, open_dataset
from geofix.evaluation.report.comparison import Comparison, compare, with_peer
from geofix.evaluation.report.scorecard import score_results
from geofix.evaluation.report.written import EvaluationRun, Report
from geofix.evaluation.run.ablations import Ablation, feature_names, hooked, parse_ablation
from geofix.evaluation.run.leaks import LEAKS, Leak
from geofix.evaluation.run.result import Dataset, EvalPhoto, Result
from geofix.evaluation.run.runner import Plan, evaluate, results_of, sequences_of
from geofix.evaluation.run.splits import split

BASE = "base"
HASH: tuple[Leak, ...] = ("hash",)
LEAKY = "with leaks"

Say = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be evaluated."""

    dataset: str
    ablate: Sequence[str] = ()
    exclude: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Context`."""
    model: str | None = None
    limit: int | None = None
    seed: int = 0
    workers: int = 2
    again: str = ""


def run_dataset(request: EvaluationRequest, settings: Settings, say: Say) -> Report:
    """Evaluate a data set, with the runs to compare.

    Args:
        request: What and how.
        settings: Where the database, the encoder and the model are.
        say: Called with a line about what is going on.

    Raises:
        GeofixError: The data set, an option or the set-up is unusable.
    """
    ablations = [parse_ablation(written, feature_names()) for written in request.ablate]
    leaks = parse_leaks(request.exclude)
    dataset = open_dataset(request.dataset, request.columns)
    if request.model is not None:
        settings = settings.model_copy(update={"model": request.model})
    photos = chosen(dataset.photos, request.limit, request.seed)
    galleries = galleries_for(dataset, request.options.get("galleries", ()))
    options = {**dataset.options, **request.options, "galleries": galleries}
    # All of them before the base is run, which can take hours.
    contexts = [
        checked_context({**options, **changed})
        for changed in ({}, *(ablation.options for ablation in ablations))
    ]
    base = Plan(BASE, dataset.name, photos, options, leaks, seed=request.seed, salt=request.again)
    with open_agent(settings, encoder=dataset.encoder, progress=say, durability="exit") as agent:
        for context in contexts:
            require_method(context, agent.services)
        dataset.prepare(agent.services)
        session = _Session(agent, dataset, request, say)
        first = session.run(base)
        beside = [session.beside(base, first, ablation) for ablation in ablations]
        if set(leaks) - set(HASH):
            beside.append(session.run(replace(base, label=LEAKY, leaks=HASH)))
    return Report(
        base=first,
        others=beside,
        comparisons=[_against(run, first, request.seed) for run in beside],
        notes=_notes(dataset, photos, leaks),
    )


def compare_runs(ids: tuple[str, str], seed: int, settings: Settings) -> Report:
    """Compare two evaluations that were run.

    Args:
        ids: The first is compared against the second.
        seed: Of the bootstrap.
        settings: Where the database is.

    Raises:
        GeofixError: One does not exist, or they have no photo in common.
    """
    with Services(settings) as services:
        store = Evaluations(services.engine)
        run, base = (
            _as_run(store.find(one), [Result.of_columns(row) for row in store.results(one)])
            for one in ids
        )
    return Report(base=base, others=[run], comparisons=[_against(run, base, seed)])


def latest(settings: Settings, count: int = 20) -> list[tuple[Evaluation, int]]:
    """Return the newest evaluations, each with how many photos have a result."""
    with Services(settings) as services:
        return Evaluations(services.engine).latest(count)


@dataclass(frozen=True)
class _Session:
    """An open geofix, and one data set."""

    agent: Agent
    dataset: Dataset
    request: EvaluationRequest
    say: Say

    def run(self, plan: Plan) -> EvaluationRun:
        """Run a plan, or what is left of it."""
        evaluation = evaluate(
            self.agent,
            plan,
            workers=self.request.workers,
            sequences=sequences_of(self.dataset),
            advance=lambda done, of: self.say(f"{plan.label}: {done:,} of {of:,} photos"),
        )
        store = Evaluations(self.agent.services.engine)
        return _as_run(store.find(evaluation), results_of(self.agent, evaluation))

    def beside(self, base: Plan, first: EvaluationRun, ablation: Ablation) -> EvaluationRun:
        """Run the base with one thing changed; a peer's answers are known from the base."""
        if ablation.peer is not None:
            answers = with_peer(first.results, ablation.peer)
            return _as_run(replace(first.evaluation, label=ablation.label), answers)
        options = {**base.options, **ablation.options}
        plan = replace(base, label=ablation.label, options=options, hooks=ablation.hooks())
        with hooked(self.agent.services, ablation):
            return self.run(plan)


def chosen(photos: Sequence[EvalPhoto], limit: int | None, seed: int) -> Sequence[EvalPhoto]:
    """Return about `limit` of the photos, whole places and sequences; all without a limit."""
    if limit is None or limit >= len(photos):
        return photos
    some, _ = split(photos, limit / len(photos), seed)
    # A set of few places has no part so small that it holds one whole.
    return some or photos[:limit]


def parse_leaks(written: str | None, option: str = "--exclude") -> tuple[Leak, ...]:
    """Return which leaks to leave out, from words separated by commas.

    Args:
        written: The words; none leaves out `HASH`.
        option: Where they were written, for the error.

    Raises:
        OptionError: A word is none of `LEAKS`.
    """
    if written is None:
        return HASH
    words = [word.strip() for word in written.split(",") if word.strip()]
    unknown = next((word for word in words if word not in LEAKS), None)
    if unknown is not None:
        raise OptionError(f"{option} cannot be {unknown!r}; there are {', '.join(LEAKS)}")
    return tuple(leak for leak in LEAKS if leak in words)


def _as_run(evaluation: Evaluation, results: Sequence[Result]) -> EvaluationRun:
    method = str(evaluation.setup.get("method", "geofix"))
    return EvaluationRun(evaluation, results, score_results(results, method))


def _against(run: EvaluationRun, base: EvaluationRun, seed: int) -> Comparison:
    labels = run.evaluation.label, base.evaluation.label
    if labels[0] == labels[1]:
        labels = run.evaluation.id, base.evaluation.id
    return compare(run.results, base.results, labels, seed=seed)


def _notes(dataset: Dataset, photos: Sequence[EvalPhoto], leaks: Sequence[Leak]) -> list[str]:
    notes = [
        "A photo counts at a distance only if its location is known at least that exactly.",
        "Intervals, differences and tests count places and sequences, not photos: Wilson's interval"
        " with the effective number of photos, a paired bootstrap over places, and McNemar's test"
        " with the runs exchanged place by place.",
    ]
    if dataset.left_out:
        notes.append(
            f"{len(dataset.left_out)} rows were left out; the first: {dataset.left_out[0]}"
        )
    for leak, known in (
        ("author", sum(photo.author is not None for photo in photos)),
        ("sequence", sum(photo.sequence is not None for photo in photos)),
    ):
        if leak in leaks:
            notes.append(f"The {leak} is known of {known} of {len(photos)} photos.")
    return notes
