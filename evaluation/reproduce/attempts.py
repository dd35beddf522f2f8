"""Asks again about photos of which a model's server said nothing, each time the command is run.

A server that dies halfway through a run of hours answers no further photo, and evaluations keep
what they have. So photos without a word of the model are asked about once more, in an evaluation of
their own, when the same command is run again. An answer that the model did give, however useless,
is never asked for again: that would choose among its answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.facade import Agent
from geofix.db.stores import Evaluations
from geofix.evaluation.run.result import EvalPhoto, Result, digest_of
from geofix.evaluation.run.runner import Plan, id_of

MOST_ATTEMPTS = 100
"""Attempts that are looked up; each takes a run of the command."""


@dataclass(frozen=True)
class SoFar:
    """How far a reproduction is."""

    evaluation: str
    """Id of the first attempt's evaluation."""
    results: Mapping[str, Result]
    """The latest of each photo, by its id."""
    attempt: Plan
    """What is to be asked next, or was asked last."""
    left: tuple[EvalPhoto, ...]
    """Photos of it without a result."""
    silent: tuple[str, ...]
    """Photos of which the model's server said nothing in the last attempt."""

    def ordered(self, photos: Sequence[EvalPhoto]) -> list[Result]:
        """Return the results in the order of the photos."""
        return [self.results[photo.id] for photo in photos if photo.id in self.results]


def so_far(agent: Agent, plan: Plan, setup: Mapping[str, Any], *, ahead: bool) -> SoFar:
    """Return what was asked so far, over all attempts.

    Args:
        agent: An open one.
        plan: The first attempt.
        setup: What is in force.
        ahead: Whether photos of which nothing was said are left for a further attempt.
    """
    store = Evaluations(agent.services.engine)
    known: dict[str, Result] = {}
    silent: tuple[str, ...] = ()
    attempt, first = plan, id_of(plan, digest_of(plan.photos), setup)
    for number in range(2, MOST_ATTEMPTS + 2):
        evaluation = id_of(attempt, digest_of(attempt.photos), setup)
        results = {
            result.photo: result for result in map(Result.of_columns, store.results(evaluation))
        }
        known.update(results)
        left = tuple(photo for photo in attempt.photos if photo.id not in results)
        again = [
            photo
            for photo in attempt.photos
            if photo.id in results and nothing_was_said(agent, results[photo.id])
        ]
        silent = tuple(photo.id for photo in again)
        following = replace(
            plan,
            label=f"{plan.label}, attempt {number}",
            photos=again,
            salt=f"{plan.salt} attempt {number}".strip(),
        )
        begun = store.asked(id_of(following, digest_of(again), setup)) if again else ()
        if left or not again or not (begun or ahead):
            return SoFar(first, known, attempt, left, silent)
        attempt = following
    return SoFar(first, known, attempt, (), silent)


def nothing_was_said(agent: Agent, result: Result) -> bool:
    """Tell whether a model was asked about a photo and its server gave back no word."""
    by_model = any(draft["drafted_by"] != CONSENSUS for draft in result.drafts)
    if by_model or not result.degraded or result.run is None:
        return False
    drafted = [
        step.detail
        for step in agent.services.trail.read(result.run).steps
        if step.node == "draft" and "answers" in step.detail
    ]
    return bool(drafted) and not any(detail["answers"] for detail in drafted)
