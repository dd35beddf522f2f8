"""Scorers fitted on a data set's own answers, kept only where they beat everything else.

One of places, by how many photos have their first candidate within 25 km, and one of the spots
within them, by how many of 25 m, 100 m and 1 km the answer is right at. Fitted on some places and
judged on the others. Against the most similar photo, the kernel density, the model's own word and
the shipped scorer each has to win, not draw, and against the shipped one by more than chance: what
is kept costs the promises the photos it was fitted on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import Scorers, default_scorers
from geofix.evaluation.calibration import answers_of, check_enough, drawn
from geofix.evaluation.examples import CROWDED, PLACE_KM, fit_examples
from geofix.evaluation.intervals import paired_bootstrap
from geofix.evaluation.result import Result
from geofix.evaluation.scorer_judged import OWN, SHIPPED, away_km, candidates_of, judged
from geofix.evaluation.splits import places_of
from geofix.evaluation.spot_examples import fit_spots, rightness, spot_examples
from geofix.evaluation.training import Example, TooFewError
from geofix.tools.errors import SourceError

FITTED_SHARE = 0.4
"""Of the photos, whole places, that scorers are fitted on; the others judge them and fit the
promises."""

NAME = "calibrated"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one scorer."""

    scorer: Scorer | None
    """None where it is not kept."""
    reason: str
    """Why it is or is not, in words."""
    right: dict[str, float] = field(default_factory=dict)
    """How right the other places' photos are, 0 to 1, by who chooses."""
    judged: int = 0
    """How many photos that is told on."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of both."""

    place: Trial
    spot: Trial
    places: frozenset[str] = frozenset()
    """Those that were fitted on."""

    @property
    def scorers(self) -> Scorers | None:
        """What chooses from now on; none where neither is kept."""
        if self.place.scorer is None and self.spot.scorer is None:
            return None
        shipped = default_scorers()
        return Scorers(
            place=self.place.scorer or shipped.place, spot=self.spot.scorer or shipped.spot
        )


def not_tried(reason: str) -> Tried:
    """Return that there is no scorer, and why."""
    return Tried(Trial(None, reason), Trial(None, reason))


def try_scorers(results: Sequence[Result], trained_on: str, seed: int) -> Tried:
    """Fit scorers and judge them on places they were not fitted on.

    Args:
        results: Of an evaluation in which the shipped scorers chose.
        trained_on: For people: on what.
        seed: Draws which places they are fitted on.
    """
    placed = [result for result in by_place(results) if result.has_truth]
    places = _drawn_places(placed, seed)
    first = [result for result in placed if _place(result) in places]
    others = [result for result in placed if _place(result) not in places]
    try:
        check_enough(answers_of(others))
    except SourceError as error:
        return not_tried(f"no scorer was fitted, since promises need the photos: {error}")
    place = _tried(
        "places",
        lambda: fit_examples(
            _examples(first, _of_places),
            name=NAME,
            trained_on=trained_on,
            photos=len(first),
            without=CROWDED,
        ),
        lambda scorer: judged(_within_place, others, place=scorer, spot=None),
        [_place(result) for result in others],
    )
    spot = _tried(
        "spots",
        lambda: fit_spots(
            _examples(first, _of_spots), name=NAME, trained_on=trained_on, photos=len(first)
        ),
        lambda scorer: judged(rightness, others, place=place.scorer, spot=scorer),
        [_place(result) for result in others],
    )
    return Tried(place, spot, frozenset(places))


def by_place(results: Sequence[Result]) -> list[Result]:
    """Return the results, the group of each its place: photos of one sequence are of one."""
    places = places_of(results, [result.photo for result in results])
    return [
        result.model_copy(update={"group": place})
        for result, place in zip(results, places, strict=True)
    ]


def kept_if_enough(tried: Tried, again: Sequence[Result]) -> Tried:
    """Return what was tried, the scorers given up where too few are answered with them.

    Args:
        tried: With a scorer.
        again: Results with it, of places it was not fitted on.
    """
    try:
        check_enough(answers_of(again))
    except SourceError as error:
        reason = f"the scorers fitted are not kept: {error}"
        place, spot = (
            replace(one, scorer=None, reason=reason) for one in (tried.place, tried.spot)
        )
        return replace(tried, place=place, spot=spot)
    return tried


def _tried(
    of: str,
    fit: Callable[[], Scorer],
    judge: Callable[[Scorer], dict[str, list[float]]],
    places: Sequence[str],
) -> Trial:
    try:
        scorer = fit()
    except TooFewError as error:
        return Trial(None, f"no scorer of {of} was fitted: {error}")
    told = judge(scorer)
    right = {name: sum(some) / max(1, len(some)) for name, some in told.items()}
    lead = paired_bootstrap(told[OWN], told[SHIPPED], seed=0, groups=places)
    beats_all = all(right[name] < right[OWN] for name in right if name != OWN)
    kept = beats_all and lead.low > 0
    shares = ", ".join(f"{name} {share:.1%}" for name, share in right.items())
    reason = (
        f"the scorer of {of} {scorer.name} {(scorer.digest or '')[:12]} fitted on {scorer.photos}"
        f" photos {'is kept' if kept else 'is not kept'}: right on {len(places)} photos of other"
        f" places: {shares}; its lead over the shipped one is {100 * lead.low:.1f} to"
        f" {100 * lead.high:.1f} points"
    )
    return Trial(scorer if kept else None, reason, right, len(places))


def _within_place(error_km: float) -> float:
    return float(error_km <= PLACE_KM)


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


def _examples(results: Sequence[Result], of: Callable[[Result], list[Example]]) -> list[Example]:
    return [example for result in results for example in of(result)]


def _of_places(result: Result) -> list[Example]:
    return [
        Example(
            candidate.parts,
            _within_place(away_km(result, candidate.latitude, candidate.longitude)),
            _place(result),
        )
        for candidate in candidates_of(result)
        if candidate.vetoed is None
    ]


def _of_spots(result: Result) -> list[Example]:
    return spot_examples(candidates_of(result), partial(away_km, result), _place(result))
