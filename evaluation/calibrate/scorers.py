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

from geofix.agent.state import Candidate
from geofix.agent.verify.rounds import ranked
from geofix.agent.verify.rules import held_back
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import Scorers, default_scorers
from geofix.agent.verify.spots import scored
from geofix.evaluation.calibrate.examples import (
    NEVER_FITTED,
    fit_examples,
    fit_spots,
    rightness,
    spot_examples,
)
from geofix.evaluation.calibrate.promises import answers_of, check_enough
from geofix.evaluation.calibrate.training import Example, TooFewError
from geofix.evaluation.metrics import paired_bootstrap
from geofix.evaluation.run.result import Result
from geofix.evaluation.run.splits import drawn
from geofix.tools.errors import SourceError
from geofix.tools.geo.distance import haversine_km
from geofix.tools.statistics import PLACE_KM

OWN, SHIPPED = "fitted here", "the shipped scorer"

PEERS = ("nearest", "density", "model")
"""Names in `Result.peers_km`."""

Right = Callable[[float], float]
"""Returns how right an error in km is, 0 to 1."""


def candidates_of(result: Result) -> list[Candidate]:
    """Return the candidates of a result, by rank."""
    return [Candidate.model_validate(candidate) for candidate in result.candidates]


def away_km(result: Result, latitude: float, longitude: float) -> float:
    """Return how far a point is from the truth of a photo, which has one; no less than is known."""
    assert result.truth_latitude is not None
    assert result.truth_longitude is not None
    apart = haversine_km(result.truth_latitude, result.truth_longitude, latitude, longitude)
    return max(float(apart), result.accuracy_km)


def judged(
    right: Right, results: Sequence[Result], *, place: Scorer | None, spot: Scorer | None
) -> dict[str, list[float]]:
    """Return how right each way of choosing is, photo by photo.

    Args:
        right: Says how right an error is.
        results: Of photos with a truth, chosen by the shipped scorers; one without a candidate is
            wrong.
        place: Ranks the candidates anew; none leaves it to the shipped one.
        spot: Chooses among their spots anew; so too. The shipped one then chooses within the same
            places, or spots would be kept for what places have gained.

    Returns:
        0 to 1 by who chooses; a peer that named no place for any photo is left out.
    """
    shipped = default_scorers()
    own = Scorers(place=place or shipped.place, spot=spot or shipped.of_spots)
    errors: dict[str, list[float]] = {OWN: [_chosen_km(result, own) for result in results]}
    if place is None or spot is None:
        errors[SHIPPED] = [_known(result, result.first_km) for result in results]
    else:
        within = Scorers(place=place, spot=shipped.of_spots)
        errors[SHIPPED] = [_chosen_km(result, within) for result in results]
    for peer in PEERS:
        found = [result.peers_km.get(peer) for result in results]
        if any(error is not None for error in found):
            errors[peer] = [
                _known(result, error) for result, error in zip(results, found, strict=True)
            ]
    return {name: [right(error) for error in some] for name, some in errors.items()}


def _chosen_km(result: Result, scorers: Scorers) -> float:
    weighed = [scorers.place.weighed(candidate) for candidate in candidates_of(result)]
    standing = [one for one in ranked(held_back(weighed, scorers.place)) if one.vetoed is None]
    if not standing:
        return float("inf")
    spots = scored(standing[0].spots, scorers.of_spots)
    first = spots[0] if spots else standing[0]
    return away_km(result, first.latitude, first.longitude)


def _known(result: Result, error_km: float | None) -> float:
    return float("inf") if error_km is None else max(error_km, result.accuracy_km)


FITTED_SHARE = 0.4
"""Share of the photos, in whole places, that scorers are fitted on; the others judge them and fit
the promises."""

NAME = "calibrated"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one scorer."""

    scorer: Scorer | None
    """The scorer, where it is kept."""
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
        results: Of an evaluation in which the shipped scorers chose, the group of each its place.
        trained_on: For people: on what.
        seed: Draws which places they are fitted on.
    """
    placed = [result for result in results if result.has_truth]
    places = _drawn_places(placed, seed)
    first = [result for result in placed if _place(result) in places]
    others = [result for result in placed if _place(result) not in places]
    try:
        check_enough(answers_of(others))
    except SourceError as error:
        return not_tried(
            f"no scorer was fitted, because radius and confidence need the photos: {error}"
        )
    place = _tried(
        "places",
        lambda: fit_examples(
            _examples(first, _of_places),
            name=NAME,
            trained_on=trained_on,
            photos=len(first),
            without=NEVER_FITTED,
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


def kept_if_enough(tried: Tried, again: Sequence[Result]) -> Tried:
    """Return what was tried, the scorers given up where too few are answered with them.

    Args:
        tried: With a scorer.
        again: Results with it, of places it was not fitted on.
    """
    try:
        check_enough(answers_of(again))
    except SourceError as error:
        reason = f"the fitted scorers are not kept: {error}"
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
        f"the scorer of {of} {scorer.name} {(scorer.digest or '')[:12]}, fitted on {scorer.photos}"
        f" photos, {'is kept' if kept else 'is not kept'}. Right on {len(places)} photos of other"
        f" places: {shares}. Its lead over the shipped scorer is {100 * lead.low:.1f} to"
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
