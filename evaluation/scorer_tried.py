"""A scorer of places fitted on a data set's own answers, kept only where it beats everything else.

Fitted on the candidates of some places and judged on those of the others: by how many photos have
their first candidate within 25 km. Against the most similar photo, the kernel density, the model's
own word and the shipped scorer it has to win, not draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from geofix.agent.choice.scorer import Scorer
from geofix.evaluation.calibration import answers_of, check_enough, drawn
from geofix.evaluation.examples import PLACE_KM, fit_examples
from geofix.evaluation.result import Result
from geofix.evaluation.scorer_judged import OWN, candidates_of, off_km, right_within
from geofix.evaluation.training import Example, TooFewError
from geofix.tools.errors import SourceError

FITTED_SHARE = 0.4
"""Of the photos, whole places, that it is fitted on; the others judge it and fit the promises."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it."""

    scorer: Scorer | None
    """None where it is not kept."""
    reason: str
    """Why it is or is not, in words."""
    places: frozenset[str] = frozenset()
    """Those it was fitted on."""
    right: dict[str, float] = field(default_factory=dict)
    """Share of the other places' photos that are within 25 km, by who chooses."""
    judged: int = 0


def try_scorer(results: Sequence[Result], trained_on: str, seed: int) -> Tried:
    """Fit a scorer and judge it on places it was not fitted on.

    Args:
        results: Of an evaluation in which the shipped scorer chose.
        trained_on: For people: on what.
        seed: Draws which places it is fitted on.
    """
    placed = [result for result in results if result.has_truth]
    places = _drawn_places(placed, seed)
    first = [result for result in placed if _place(result) in places]
    others = [result for result in placed if _place(result) not in places]
    try:
        scorer = fit_examples(
            [example for result in first for example in _examples(result)],
            name="calibrated",
            trained_on=trained_on,
            photos=len(first),
        )
    except TooFewError as error:
        return Tried(None, f"no scorer was fitted: {error}")
    try:
        check_enough(answers_of(others))
    except SourceError as error:
        return Tried(None, f"no scorer was fitted, since promises need the photos: {error}")
    right = right_within(PLACE_KM, others, scorer)
    beaten = [name for name in right if name != OWN and right[name] < right[OWN]]
    told = ", ".join(f"{name} {share:.1%}" for name, share in right.items())
    kept = len(beaten) == len(right) - 1
    reason = (
        f"the scorer {scorer.name} {(scorer.digest or '')[:12]} fitted on {len(first)} photos"
        f" {'is kept' if kept else 'is not kept'}: first within {PLACE_KM:g} km on {len(others)}"
        f" photos of other places: {told}"
    )
    return Tried(scorer if kept else None, reason, frozenset(places), right, len(others))


def kept_if_enough(tried: Tried, again: Sequence[Result]) -> Tried:
    """Return what was tried, its scorer given up where too few are answered with it.

    Args:
        tried: With a scorer.
        again: Results with it, of places it was not fitted on.
    """
    try:
        check_enough(answers_of(again))
    except SourceError as error:
        return replace(tried, scorer=None, reason=f"the scorer fitted is not kept: {error}")
    return tried


def _place(result: Result) -> str:
    return result.group or result.photo


def _drawn_places(results: Sequence[Result], seed: int) -> set[str]:
    members: dict[str, int] = {}
    for result in results:
        members[_place(result)] = members.get(_place(result), 0) + 1
    taken: set[str] = set()
    photos = 0
    # In another order than the promises are parted in.
    for place in sorted(members, key=lambda place: drawn(f"scorer of {place}", seed)):
        if photos + members[place] / 2 <= FITTED_SHARE * len(results):
            taken.add(place)
            photos += members[place]
    return taken


def _examples(result: Result) -> list[Example]:
    return [
        Example(candidate.parts, float(off_km(result, candidate) <= PLACE_KM), _place(result))
        for candidate in candidates_of(result)
        if candidate.vetoed is None
    ]
