"""What `geofix calibrate DATASET` does: asks about photos of known places, fits, stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from geofix.agent.calibration.promise import Fitted
from geofix.agent.context import checked_context
from geofix.agent.facade import open_agent
from geofix.agent.methods.answering import drafter_of
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.agent.state import Draft, Retrieval
from geofix.agent.verify.in_force import drafters, options_of
from geofix.agent.verify.scorers import Scorers, default_scorers, scorers_digest
from geofix.evaluation.calibrate.promises import (
    Promises,
    PromisesKept,
    answers_of,
    check_photos,
    cross_kept,
    fit_promises,
)
from geofix.evaluation.calibrate.scorers import (
    Tried,
    kept_if_enough,
    not_tried,
    try_scorers,
)
from geofix.evaluation.datasets import galleries_for, open_dataset
from geofix.evaluation.run.leaks import Leak
from geofix.evaluation.run.result import Dataset, Result, digest_of
from geofix.evaluation.run.runner import Plan, evaluate, results_of, sequences_of
from geofix.evaluation.run.splits import places_of

Say = Callable[[str], None]

NOT_ASKED = not_tried("fitting scorers was switched off")
NOT_WEIGHED = not_tried("no scorers were fitted: the method weighs no evidence")


@dataclass(frozen=True)
class Wanted:
    """What is to be calibrated, and on what."""

    dataset: str
    leaks: tuple[Leak, ...] = ("hash",)
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Context`."""
    model: str | None = None
    seed: int = 0
    workers: int = 2
    scorer: bool = True
    """Whether to fit scorers too."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of it."""

    id: int
    """Id of the stored calibration."""
    fitted: Fitted
    kept: PromisesKept
    asked: int
    answered: int
    tried: Tried
    """The scorers, and why they choose or do not."""
    left_out: int
    """Photos without a usable answer, because the model failed and the photos voted."""


def calibrate(wanted: Wanted, settings: Settings, say: Say) -> Calibrated:
    """Ask, fit, measure with every answer held out once, and store.

    Args:
        wanted: What and how.
        settings: Where database, encoder and model are.
        say: Called with a line about what is going on.

    Raises:
        GeofixError: The data set or the set-up is unusable, or there are too few answers.
    """
    dataset = open_dataset(wanted.dataset, wanted.columns)
    if wanted.model is not None:
        settings = settings.model_copy(update={"model": wanted.model})
    check_photos(dataset.photos)
    plan = _plan(dataset, wanted)
    with open_agent(settings, encoder=dataset.encoder, progress=say, durability="exit") as agent:
        dataset.prepare(agent.services)
        drafted_by = drafter_of(plan.context, agent.services)
        ids = [photo.id for photo in dataset.photos]
        # Named once: a photo that only one of two asks answers may be what links two places.
        places = dict(zip(ids, places_of(dataset.photos, ids), strict=True))

        def ask(scorers: Scorers) -> _Usable:
            agent.services.change_scorers = lambda usual: scorers
            evaluation = evaluate(
                agent,
                plan,
                workers=wanted.workers,
                sequences=sequences_of(dataset),
                advance=lambda done, of: say(f"{done:,} of {of:,} photos"),
            )
            results = results_of(agent, evaluation)
            # Where the model failed, photos voted: the calibration will not hold for such a run.
            usable = [one for one in results if _drafters(one) in (None, drafted_by)]
            return _Usable(
                [one.model_copy(update={"group": places[one.photo]}) for one in usable],
                len(results) - len(usable),
            )

        (results, left_out), tried = _answered(ask, dataset.name, wanted, say)
        answers = answers_of(results)
        kept = cross_kept(answers, wanted.seed)
        fitted = _document(fit_promises(answers, wanted.seed), results, tried, plan, agent.services)
        stored = agent.services.calibrations.save(
            fitted.encoder,
            plan.context.galleries,
            fitted.drafted_by,
            fitted.model_dump(mode="json"),
        )
    answered = sum(result.status == "located" for result in results)
    return Calibrated(stored, fitted, kept, len(results), answered, tried, left_out)


def _drafters(result: Result) -> str | None:
    """Return who drafted; none where the run did not come to it."""
    drafts = [Draft.model_validate(draft) for draft in result.drafts]
    return drafters(drafts) if drafts else None


def _plan(dataset: Dataset, wanted: Wanted) -> Plan:
    galleries = galleries_for(dataset, wanted.options.get("galleries", ()))
    options = {**dataset.options, **wanted.options, "galleries": galleries}
    return Plan("calibrate", dataset.name, dataset.photos, options, wanted.leaks)


class _Usable(NamedTuple):
    """The results of one ask that may be fitted on."""

    results: list[Result]
    """The group of each is its place."""
    left_out: int
    """How many others there were."""


def _answered(
    ask: Callable[[Scorers], _Usable], name: str, wanted: Wanted, say: Say
) -> tuple[_Usable, Tried]:
    """Return the answers to make promises of, and the scorers that were fitted on others.

    An earlier calibration's scorers choose none of them: this one replaces it, and where it keeps
    no scorer the shipped ones choose. Promises hold only for answers like those they were fitted
    on.
    """
    first = ask(default_scorers())
    if checked_context(wanted.options).answer_by != "verdict":
        return first, NOT_WEIGHED
    tried = try_scorers(first.results, name, wanted.seed) if wanted.scorer else NOT_ASKED
    if tried.scorers is None:
        return first, tried
    say("asking again with the fitted scorers")
    again = ask(tried.scorers)
    # Scorers do better on the places they were fitted on than on those they will meet.
    others = [result for result in again.results if result.group not in tried.places]
    tried = kept_if_enough(tried, others)
    return (first if tried.scorers is None else again._replace(results=others)), tried


def _document(
    promises: Promises,
    results: Sequence[Result],
    tried: Tried,
    plan: Plan,
    services: Services,
) -> Fitted:
    searched = next(
        Retrieval.model_validate(result.retrievals[0]) for result in results if result.retrievals
    )
    return Fitted(
        radius=promises.radius,
        confidence=promises.confidence,
        encoder=services.encoder.name,
        galleries=tuple(sorted(plan.context.galleries)),
        drafted_by=drafter_of(plan.context, services),
        image_place=services.settings.image_place,
        centring_version=searched.centring_version,
        photos_in_gallery=max(1, searched.searched),
        options=options_of(plan.context),
        digest=digest_of(plan.photos),
        photos=promises.photos,
        places=promises.places,
        chosen_by=scorers_digest(tried.scorers or default_scorers()),
        made_on=datetime.now(UTC).date().isoformat(),
        scorers=None if tried.scorers is None else tried.scorers.model_dump(mode="json"),
    )
