"""How a published method chooses its answer: without our verdict, and without abstaining.

Nothing is vetoed and nothing is weighed. A method abstains only where it has nothing to choose
from, or where the question names a region that what it chose lies outside of. The places that it
chose among are the candidates, best first, by its own measure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.draft.consensus import CONSENSUS, consensus
from geofix.agent.errors import ModelError, OptionError
from geofix.agent.methods.table import METHODS
from geofix.agent.regions import allows
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Draft, Hit, State, Verdict
from geofix.agent.verify.candidates import (
    SMALLEST_RADIUS_KM,
    independent_photos,
    stated_confidence,
)
from geofix.agent.verify.observe import image_place_vector, place_similarity
from geofix.agent.verify.rounds import numbered
from geofix.tools.geo.distance import distances_km, haversine_km
from geofix.tools.statistics import PLACE_KM, SCALES_KM

MOST_PLACES = 16
"""Of GeoCLIP's places that are listed."""

Point = tuple[float, float]


def require_method(context: Context, services: Services) -> None:
    """Refuse a run whose method cannot be followed in this set-up.

    Raises:
        ModelError: It asks a model, and none is configured.
        OptionError: It compares the photo with places, and no model for that is configured.
    """
    method = METHODS[context.method]
    if context.preset != "none":
        # Built now: a model that is set up wrongly is an error, not a degraded answer.
        _ = services.model, services.price
    if (method.asks_model or context.answer_by == "model") and services.model is None:
        what = (
            f"the method {context.method!r} asks"
            if method.asks_model
            else f"answer_by={context.answer_by!r} takes the word of"
        )
        raise ModelError(
            f"{what} a chat model, and none is configured; name one as provider:model with --model"
            " or GEOFIX_MODEL, or choose a method that needs none: "
            + ", ".join(name for name, one in METHODS.items() if not one.asks_model)
        )
    if context.answer_by == "geoclip" and services.settings.image_place is None:
        raise OptionError(
            "answer_by='geoclip' compares the photo with GeoCLIP's places, and GeoCLIP is not"
            " configured; set GEOFIX_IMAGE_PLACE to CLIP ViT-L/14 and install the package geoclip"
        )


def drafter_of(context: Context, services: Services) -> str:
    """Return who drafts in runs with these options, as their answers name it."""
    return CONSENSUS if context.preset == "none" else services.drafted_by


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a method chose."""

    candidates: list[Candidate]
    """Best first; those outside the question's region last, with the reason."""
    verdict: Verdict
    degraded: list[Reason]
    """Where the run differs from the method's paper."""


@dataclass(frozen=True, slots=True)
class _Place:
    latitude: float
    longitude: float
    score: float
    drafted: bool = False


def chosen_by_method(state: State, context: Context, services: Services) -> Chosen:
    """Return the answer of a run that does not go by our verdict.

    Args:
        state: After the draft.
        context: With `answer_by`.
        services: To GeoCLIP, where the method compares photo and places.
    """
    places, how, differs = _CHOOSERS[context.answer_by](state, context, services)
    hits = state.retrieval.positives
    candidates = [_candidate(place, hits) for place in places]
    inside = [_judged(candidate, state) for candidate in candidates]
    ordered = numbered(sorted(inside, key=lambda one: one.vetoed is not None))
    differs = [*_other_encoder(state, context), *differs]
    standing = [one for one in ordered if one.vetoed is None]
    if not standing:
        excluded = Reason.of(Code.REGION_EXCLUDED, "the answer lies outside the region asked for")
        why = excluded if ordered else Reason.of(Code.NOTHING_TO_CHOOSE, how)
        return Chosen(ordered, Verdict(reasons=[why], decision="abstain"), differs)
    said = Reason.of(
        Code.BY_METHOD,
        f"the method {context.told()}: {how}; geofix checked nothing and did not consider"
        " abstaining",
    )
    reasons = [said, _support(standing[0], hits)]
    return Chosen(ordered, Verdict(reasons=reasons, decision="accept"), differs)


def model_words(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the places that a model named in its first round, the surest first."""
    said = [draft for draft in _placed(drafts) if draft.round == 0]
    return sorted(said, key=stated_confidence, reverse=True)


def _latest_words(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the places of the last round in which a model named any, the surest first.

    After a person's hint, or a look elsewhere, that is what the model says now.
    """
    placed = _placed(drafts)
    last = max((draft.round for draft in placed), default=0)
    said = [draft for draft in placed if draft.round == last]
    return sorted(said, key=stated_confidence, reverse=True)


def _placed(drafts: Sequence[Draft]) -> list[Draft]:
    return [one for one in drafts if one.drafted_by != CONSENSUS and one.latitude is not None]


def _no_words(drafts: Sequence[Draft]) -> str:
    """Say why a model's word is missing."""
    if any(draft.drafted_by != CONSENSUS for draft in drafts):
        return "the model gave no coordinates"
    return "there is no usable answer of the model"


Choice = tuple[list[_Place], str, list[Reason]]
"""Places, best first; how they were chosen, or why there is none; where it is not the paper's."""


def _by_model(state: State, context: Context, services: Services) -> Choice:
    words = _latest_words(state.drafts)
    if not words:
        return [], f"{_no_words(state.drafts)}, and the method takes no others", []
    places = [_Place(*_point(one), stated_confidence(one), drafted=True) for one in words]
    return places, "the model's coordinates are the answer", []


def _nearest(state: State, context: Context, services: Services) -> Choice:
    hits = state.retrieval.positives
    places = [_Place(hit.latitude, hit.longitude, _share(hit.similarity)) for hit in hits]
    return places, _or_none(hits, "the place of the most similar photo is the answer"), []


def _densest(state: State, context: Context, services: Services) -> Choice:
    hits = state.retrieval.positives
    mode = consensus(state.retrieval)
    if mode.latitude is None:
        return [], _or_none(hits, ""), []
    place = _Place(*_point(mode), _share(mode.confidence or 0.0))
    return [place], "the place where similar photos are densest is the answer", []


def _most_like(state: State, context: Context, services: Services) -> Choice:
    drafted = [_point(draft) for draft in _latest_words(state.drafts)]
    found = [(hit.latitude, hit.longitude) for hit in state.retrieval.positives]
    found = found[: context.photos_compared] if drafted else found
    points = list(dict.fromkeys([*drafted, *found]))
    if not points:
        return [], f"{_no_words(state.drafts)}, and no photo was found", []
    compare = place_similarity(state, services)
    if compare is None:
        return _middle(drafted or found, drafted=bool(drafted))
    scored = [
        _Place(*point, _share(cosine), drafted=point in drafted)
        for point, cosine in zip(points, compare(points), strict=True)
    ]
    how = "of drafts and similar photos the place most like the photo by GeoCLIP is the answer"
    return sorted(scored, key=lambda one: -one.score), how, []


def _middle(points: Sequence[Point], drafted: bool) -> Choice:
    """Return the points, those that the others are nearest to first.

    Args:
        points: Drafts, or the places of similar photos where there is no draft.
        drafted: Which of them they are.
    """
    latitudes, longitudes = zip(*points, strict=True)
    apart_km = distances_km(latitudes, longitudes, latitudes, longitudes)
    near = (apart_km <= PLACE_KM).mean(axis=1)
    order = sorted(range(len(points)), key=lambda at: float(apart_km[at].sum()))
    places = [_Place(*points[at], float(near[at]), drafted=drafted) for at in order]
    what = f"the {'draft' if drafted else 'similar photo'} that the others are nearest to"
    without = Reason.of(
        Code.METHOD_DIFFERS,
        "verify: GeoCLIP is not configured (GEOFIX_IMAGE_PLACE), so no place was compared with the"
        f" photo; {what} was taken instead",
    )
    return places, f"{what} is the answer", [without]


def _of_geoclip(state: State, context: Context, services: Services) -> Choice:
    # A run that was cut off can go on where GeoCLIP is not configured.
    require_method(context, services)
    model, vector = services.image_place, image_place_vector(state, services)
    assert model is not None and vector is not None
    found = model.most_like(vector, MOST_PLACES)
    places = [_Place(latitude, longitude, _share(cosine)) for latitude, longitude, cosine in found]
    return places, "of GeoCLIP's 100,000 places the most like the photo is the answer", []


_CHOOSERS: dict[str, Callable[[State, Context, Services], Choice]] = {
    "model": _by_model,
    "nearest": _nearest,
    "density": _densest,
    "image-place": _most_like,
    "geoclip": _of_geoclip,
}


def _or_none(hits: Sequence[Hit], how: str) -> str:
    return how if hits else "no photo was found"


def _point(draft: Draft) -> Point:
    assert draft.latitude is not None and draft.longitude is not None
    return draft.latitude, draft.longitude


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _candidate(place: _Place, hits: Sequence[Hit]) -> Candidate:
    """Return a place with the photos within 25 km; they say how far the evidence reaches."""
    near = [
        (hit, float(haversine_km(place.latitude, place.longitude, hit.latitude, hit.longitude)))
        for hit in hits
    ]
    near = [(hit, apart_km) for hit, apart_km in near if apart_km <= PLACE_KM]
    reach_km = max((apart_km + hit.accuracy_km for hit, apart_km in near), default=SCALES_KM[-1])
    photos = [hit for hit, _ in near]
    return Candidate(
        latitude=place.latitude,
        longitude=place.longitude,
        radius_km=max(SMALLEST_RADIUS_KM, reach_km),
        score=place.score,
        parts={},
        photos=len(photos),
        independent=len(independent_photos(photos)),
        best_similarity=max((hit.similarity for hit in photos), default=None),
        origin="draft" if place.drafted else "cluster",
        scale_km=PLACE_KM if photos else SCALES_KM[-1],
    )


def _judged(candidate: Candidate, state: State) -> Candidate:
    """Mark a candidate outside a region that the question names; only the caller can do that."""
    for region in state.bounds:
        if not allows(region, candidate.latitude, candidate.longitude):
            where = f"it is outside {region.name}, where the answer must be"
            return candidate.model_copy(update={"vetoed": Reason.of(Code.OUTSIDE_REGION, where)})
    return candidate


def _support(first: Candidate, hits: Sequence[Hit]) -> Reason:
    return Reason.of(
        Code.VOTES,
        f"{first.photos} of {len(hits)} similar photos were taken within {PLACE_KM:g} km of it",
    )


def _other_encoder(state: State, context: Context) -> list[Reason]:
    method = METHODS[context.method]
    papers = method.encoder_in_name
    if method.encoder is None or (papers is not None and papers in state.encoder.lower()):
        return []
    return [
        Reason.of(
            Code.METHOD_DIFFERS,
            f"retrieve: the paper of {context.method} embeds photos with {method.encoder}; here"
            f" they are compared by {state.encoder}",
        )
    ]
