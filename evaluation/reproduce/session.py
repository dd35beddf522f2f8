"""Measures a paper's method on a paper's photos, and sets the result beside what was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geofix.agent.context import checked_context
from geofix.agent.errors import OptionError
from geofix.agent.facade import Agent, open_agent
from geofix.agent.methods.answering import require_method
from geofix.agent.methods.table import METHODS
from geofix.agent.run.option_table import OPTIONS
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.db.search.query import Search
from geofix.evaluation.metrics import Share
from geofix.evaluation.reproduce.against_published import (
    ComparedRow,
    compare_rows,
    measured_shares,
)
from geofix.evaluation.reproduce.attempts import SoFar, so_far
from geofix.evaluation.reproduce.forecast import (
    Forecast,
    calls_of,
    gallery_bytes,
    rates_of,
    readable,
    timed,
)
from geofix.evaluation.reproduce.published import PaperRun, PublishedRow, published
from geofix.evaluation.reproduce.sets import OpenedSet, open_set
from geofix.evaluation.run.leaks import Leak
from geofix.evaluation.run.result import Result
from geofix.evaluation.run.runner import Plan, evaluate, sequences_of, setup_of
from geofix.evaluation.run.session import chosen

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be reproduced."""

    method: str
    """A key of `Published.papers`."""
    data: Path
    gallery: str
    set: str | None = None
    """A key of `sets.SETS`; the paper's main one otherwise."""
    table: Path | None = None
    model: str | None = None
    leaks: tuple[Leak, ...] = ("hash",)
    limit: int | None = None
    seed: int = 0
    workers: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Context` that are to differ from the method's."""
    again: str = ""
    """With a new word, photos that have a result are asked again."""
    dry: bool = False
    """Whether to stop at the plan, without a call to the model."""


@dataclass(frozen=True)
class Planned:
    """A run that has not begun."""

    wanted: Wanted
    opened: OpenedSet
    plan: Plan
    before: SoFar
    forecast: Forecast
    drafted_by: str
    setup: Mapping[str, Any]


@dataclass(frozen=True)
class Reproduction:
    """What was measured, or planned."""

    planned: Planned
    rows: Sequence[PublishedRow]
    """All published ones of the set."""
    evaluation: str | None = None
    """Id of the evaluation; none where only the plan was asked for."""
    results: Sequence[Result] = ()
    silent: Sequence[str] = ()
    """Photos of which the model's server said nothing."""
    shares: Mapping[float, Share] | None = None
    compared: Sequence[ComparedRow] = ()


def reproduce(
    wanted: Wanted, settings: Settings, say: Say, agreed: Callable[[Planned], bool]
) -> Reproduction | None:
    """Plan, ask for consent, measure and compare; none where consent was refused.

    Nothing is stored before consent.

    Args:
        wanted: What.
        settings: Where the database, the encoder and the model are.
        say: Called with a line about what is going on.
        agreed: Called with the plan; says whether to go on.

    Raises:
        GeofixError: The set, the gallery, the method or the set-up is unusable.
    """
    if wanted.model is not None:
        settings = settings.model_copy(update={"model": wanted.model})
    paper = published().papers[wanted.method]
    set_name = wanted.set or paper.sets[0]
    options = _options(wanted, paper, set_name)
    with Services(settings) as services:
        # Before thousands of files are looked at.
        require_method(checked_context(options), services)
    say("looking through the photos")
    opened = open_set(set_name, wanted.data, wanted.table)
    photos = chosen(opened.photos, wanted.limit, wanted.seed)
    plan = Plan(
        wanted.method,
        opened.benchmark.title,
        photos,
        options,
        wanted.leaks,
        seed=wanted.seed,
        salt=wanted.again,
    )
    rows = published().of_set(set_name)
    with open_agent(settings, progress=say, durability="exit") as agent:
        planned = _planned(agent, wanted, opened, plan, say)
        if wanted.dry:
            return Reproduction(planned, rows)
        if planned.forecast.left and not agreed(planned):
            return None
        attempt = planned.before.attempt
        evaluate(
            agent,
            attempt,
            workers=wanted.workers,
            sequences=sequences_of(opened.as_dataset()),
            advance=lambda done, of: say(f"{attempt.label}: {done:,} of {of:,} photos"),
        )
        after = so_far(agent, plan, planned.setup, ahead=False)
    results = after.ordered(photos)
    shares = measured_shares(results)
    own = [row for row in rows if row.method == wanted.method]
    return Reproduction(
        planned, rows, after.evaluation, results, after.silent, shares, compare_rows(shares, own)
    )


def _options(wanted: Wanted, paper: PaperRun, set_name: str) -> dict[str, Any]:
    return {
        "method": wanted.method,
        "galleries": (wanted.gallery,),
        **paper.options.get(set_name, {}),
        **wanted.options,
    }


FIXED = ("method", "galleries")
"""Options of the run that a command asks for in another way."""


def parse_options(written: Sequence[str], fixed: Sequence[str] = FIXED) -> dict[str, Any]:
    """Return options of the run from `name=value`, each with its own name of `OPTIONS`.

    Args:
        written: Such as `positives=5`.
        fixed: Options that cannot be given so.

    Raises:
        OptionError: There is no such option, it is given otherwise, or it cannot have the value.
    """
    options: dict[str, Any] = {}
    for one in written:
        name, equals, value = one.partition("=")
        option = name.replace("-", "_")
        if option not in OPTIONS or option in fixed or not equals:
            others = ", ".join(name for name in OPTIONS if name not in fixed)
            raise OptionError(f"--option cannot be {one!r}; give NAME=VALUE with one of {others}")
        options[option] = getattr(checked_context({option: value}), option)
    return options


def _planned(agent: Agent, wanted: Wanted, opened: OpenedSet, plan: Plan, say: Say) -> Planned:
    services, context = agent.services, plan.context
    searched = Search(services.encoder.name, galleries=context.galleries)
    services.gallery.require(searched)
    setup = setup_of(agent, context)
    before = so_far(agent, plan, setup, ahead=True)
    left = before.left
    calls = calls_of(context, services.model)
    rates = rates_of([one for one in before.results.values() if one.photo not in before.silent])
    if rates is None and left and not wanted.dry:
        say("timing one photo")
        rates = timed(services, context, readable(left), calls)
    forecast = Forecast(
        photos=len(plan.photos),
        done=len(plan.photos) - len(left),
        calls=calls,
        rates=rates,
        workers=wanted.workers,
        photo_bytes=sum(opened.sizes[photo.id] for photo in left),
        gallery_photos=services.gallery.count(searched),
        gallery_bytes=gallery_bytes(services),
    )
    return Planned(wanted, opened, plan, before, forecast, services.drafted_by, setup)


def setup_rows(planned: Planned, paper: PaperRun) -> Iterator[tuple[str, str, str]]:
    """Give what was used for what: in the paper, and here."""
    context, wanted = planned.plan.context, planned.wanted
    calls = planned.forecast.calls
    if calls.requests > 1:
        shown = f"{calls.requests} prompts, {context.positives} similar at most"
    elif calls.requests:
        shown = f"{context.positives} similar, {context.negatives} {context.negatives_by}"
    else:
        shown = "none shown"
    temperature = "the model's own" if context.temperature is None else f"{context.temperature:g}"
    answers = f"{calls.answers} a photo, temperature {temperature}; " if calls.answers else ""
    here = {
        "encoder": f"{planned.setup['encoder']}, {context.vectors} vectors",
        "gallery": f"{wanted.gallery}, {planned.forecast.gallery_photos:,} photos",
        "model": planned.drafted_by if calls.calls else "none",
        "neighbours": shown,
        "answers": f"{answers}the answer is by {context.answer_by}",
    }
    for name, paper_has in paper.setup.items():
        yield name, paper_has, here[name]


def differences(planned: Planned) -> Iterator[str]:
    """Give what was assumed and changed of the paper's method, a sentence each."""
    method = METHODS[planned.plan.context.method]
    yield from (f"Assumed: {one}" for one in method.assumed)
    yield from (f"Changed: {one}" for one in method.changed)
