"""What `geofix calibrate DATASET` does: asks about photos of known places, fits, stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from geofix.agent.calibrated import Fitted, options_of
from geofix.agent.choice.scorers import Scorers, default_scorers
from geofix.agent.context import Context
from geofix.agent.facade import open_agent
from geofix.agent.settings import Settings
from geofix.agent.state import Retrieval
from geofix.evaluation.calibration import Kept, Promises, answers_of, fit_promises
from geofix.evaluation.cross_calibration import cross_kept
from geofix.evaluation.datasets import open_dataset
from geofix.evaluation.eval_photo import digest_of
from geofix.evaluation.leaks import Leak
from geofix.evaluation.result import Result
from geofix.evaluation.runner import Plan, evaluate, results_of, sequences_of
from geofix.evaluation.scorer_tried import Tried, kept_if_enough, try_scorer

Say = Callable[[str], None]

NOT_ASKED = Tried(None, "no scorer was asked for")


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
    """Whether to fit a scorer too."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of it."""

    id: int
    """Of the stored calibration."""
    fitted: Fitted
    kept: Kept
    asked: int
    answered: int
    tried: Tried
    """The scorer, and why it chooses or does not."""


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
    options = {**dataset.options, **wanted.options}
    if dataset.galleries:
        options["galleries"] = dataset.galleries
    plan = Plan("calibrate", dataset.name, dataset.photos, options, wanted.leaks)
    with open_agent(settings, encoder=dataset.encoder, progress=say, durability="exit") as agent:
        dataset.prepare(agent.services)

        def ask() -> list[Result]:
            evaluation = evaluate(
                agent,
                plan,
                workers=wanted.workers,
                sequences=sequences_of(dataset),
                advance=lambda done, of: say(f"{done:,} of {of:,} photos"),
            )
            return results_of(agent, evaluation)

        # Not those of an earlier calibration: this one replaces it, and where it keeps no scorer
        # the shipped ones choose. Promises hold only for answers they were fitted on.
        agent.services.given_scorers = default_scorers()
        results = ask()
        tried = try_scorer(results, dataset.name, wanted.seed) if wanted.scorer else NOT_ASKED
        if tried.scorer is not None:
            say("asking again with the scorer that was fitted")
            agent.services.given_scorers = Scorers(place=tried.scorer)
            # What it was fitted on is better known to it than what it will meet.
            again = [one for one in ask() if (one.group or one.photo) not in tried.places]
            tried = kept_if_enough(tried, again)
            results = results if tried.scorer is None else again
        answers = answers_of(results)
        promises = fit_promises(answers, wanted.seed)
        kept = cross_kept(answers, wanted.seed)
        services = agent.services
        encoder = services.encoder.name
        fitted = _document(
            promises, results, plan.context, encoder, services.drafted_by, digest_of(plan.photos)
        ).model_copy(update={"scorers": _stored(tried)})
        stored = services.calibrations.save(
            encoder, plan.context.galleries, fitted.drafted_by, fitted.model_dump(mode="json")
        )
    answered = sum(result.status == "located" for result in results)
    return Calibrated(stored, fitted, kept, len(results), answered, tried)


def _stored(tried: Tried) -> dict[str, Any] | None:
    if tried.scorer is None:
        return None
    return Scorers(place=tried.scorer).model_dump(mode="json")


def _document(
    promises: Promises,
    results: Sequence[Result],
    context: Context,
    encoder: str,
    drafted_by: str,
    digest: str,
) -> Fitted:
    searched = next(
        Retrieval.model_validate(result.retrievals[0]) for result in results if result.retrievals
    )
    return Fitted(
        radius=promises.radius,
        confidence=promises.confidence,
        encoder=encoder,
        galleries=tuple(sorted(context.galleries)),
        drafted_by=drafted_by,
        centring_version=searched.centring_version,
        photos_in_gallery=max(1, searched.searched),
        options=options_of(context),
        digest=digest,
        photos=promises.photos,
        made_on=datetime.now(UTC).date().isoformat(),
    )
