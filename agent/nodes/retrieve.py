"""retrieve: the most similar photos and the negatives, inside the round's region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.draft.consensus import consensus
from geofix.agent.draft.lists import shortlist
from geofix.agent.errors import TrailError
from geofix.agent.regions import circle, round_sizes, search_area, search_areas
from geofix.agent.run.decision import THE_CALLER, steered
from geofix.agent.run.events import MOST_PLACES, Retrieved, ToldPlace
from geofix.agent.run.recording import Outcome
from geofix.agent.run.search_report import SearchReport
from geofix.agent.services import Services
from geofix.agent.state import Hit, Retrieval, State
from geofix.db.search.area import Area
from geofix.db.search.centring import Centring
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Found, Neighbour, Search
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM, distances_km
from geofix.tools.geo.places import places_at
from geofix.tools.statistics import PLACE_KM
from geofix.tools.statistics.clusters import DEFAULT_TEMPERATURE


def as_hits(neighbours: Sequence[Neighbour], centring: Centring | None, searched: int) -> list[Hit]:
    """Return photos with the names of their places and how common their similarity is.

    Args:
        neighbours: As found.
        centring: None where vectors were compared raw: how common a similarity is is then unknown.
        searched: Among how many photos they were found.
    """
    places = places_at(
        [neighbour.latitude for neighbour in neighbours],
        [neighbour.longitude for neighbour in neighbours],
    )
    hits = []
    for neighbour, place in zip(neighbours, places, strict=True):
        columns = asdict(neighbour)
        country = columns.pop("country")
        label = None if place is None else place.describe()
        share = centring.impostor_share(neighbour.similarity, searched) if centring else None
        hits.append(Hit(**columns, country_code=country, place=label, impostor_share=share))
    return hits


NONE_FOUND = Found((), ())

NEGATIVES_CALLED = {"dissimilar": "dissimilar", "far": "other far-away"}
"""What a person reads of the negatives, by their kind."""


def retrieve(state: State, context: Context, services: Services) -> Outcome:
    """Ask the gallery for positives and negatives; say so where it returns fewer than asked.

    A region that a caller wrote into the state is searched as one that a person gave.
    """
    changed = _given(state)
    state = state.model_copy(update=changed)
    search = Search(
        encoder=state.encoder,
        galleries=context.galleries,
        areas=search_areas(*state.bounds, state.region),
        vectors=context.vectors,
        without_sha256=state.sha256,
        exact=context.exact,
    )
    services.gallery.require(search)
    vector = services.queries.vector(state.sha256, state.encoder)
    if vector is None:
        raise TrailError(f"the vector of photo {state.sha256!r} is gone; ask about the photo again")
    positives, negatives = round_sizes(context, len(state.searches))
    asked = context.model_copy(update={"positives": positives, "negatives": negatives})
    beside = None
    if state.rival is not None:
        there = replace(search, areas=search_areas(*state.bounds, state.rival))
        beside = search_both_ways(
            services.gallery, vector, there, asked.model_copy(update={"negatives": 0})
        )
    retrieval = search_both_ways(
        services.gallery, vector, search, asked, also=() if beside is None else beside.positives
    )
    if beside is not None:
        retrieval = _with_rival(retrieval, beside)
    retrieval = retrieval.model_copy(
        update={"round": state.round, "region": state.region, "rival": state.rival}
    )
    best = f", best {retrieval.positives[0].similarity:.2f}" if retrieval.positives else ""
    ways = " and ".join(dict.fromkeys(report.way for report in retrieval.how))
    return Outcome(
        update={**changed, "retrievals": [*state.retrievals, retrieval]},
        summary=f"{_counted(retrieval)} of {_searched(state, retrieval)} ({ways}){best}",
        detail={
            **retrieval.model_dump(mode="json"),
            "region_given_by": None if state.given is None else state.given.by,
        },
        degraded=_contradicting(retrieval),
        told=(_told(retrieval),),
    )


def _contradicting(retrieval: Retrieval) -> tuple[Reason, ...]:
    """Say how many negatives lie where positives do, where a run takes them wherever they are."""
    positives, negatives = retrieval.positives, retrieval.negatives
    apart_km = distances_km(
        [hit.latitude for hit in negatives],
        [hit.longitude for hit in negatives],
        [hit.latitude for hit in positives],
        [hit.longitude for hit in positives],
    )
    there = int((apart_km <= PLACE_KM).any(axis=1).sum())
    if not there:
        return ()
    kind = NEGATIVES_CALLED[retrieval.negatives_by]
    return (
        Reason.of(
            Code.NEGATIVES_CONTRADICT,
            f"retrieve: {there} of {len(negatives)} {kind} photos were taken within {PLACE_KM:g} km"
            " of a similar photo, so the counter-examples contradict the candidates",
        ),
    )


def _told(retrieval: Retrieval) -> Retrieved:
    named = {hit.place: hit for hit in reversed(retrieval.positives)}
    best = sorted(named.values(), key=lambda hit: -hit.similarity)[:MOST_PLACES]
    return Retrieved(
        round=retrieval.round,
        positives=len(retrieval.positives),
        searched=retrieval.searched,
        places=[
            ToldPlace(
                latitude=hit.latitude,
                longitude=hit.longitude,
                label=hit.place,
                similarity=round(hit.similarity, 3),
            )
            for hit in best
        ],
    )


def _given(state: State) -> dict[str, Any]:
    """Return what changes where a caller gave the region; empty if geofix or a person chose it."""
    if not state.given_by_caller:
        return {}
    searched = state.retrievals[-1].round + 1 if state.retrievals else 0
    return steered(state, state.region, THE_CALLER, max(state.round, searched))


def _with_rival(leader: Retrieval, rival: Retrieval) -> Retrieval:
    """Return both circles' photos, most alike first; each was asked for as many."""
    known = {hit.photo_id for hit in leader.positives}
    both = [*leader.positives, *(hit for hit in rival.positives if hit.photo_id not in known)]
    taken = {hit.photo_id for hit in both}
    return leader.model_copy(
        update={
            "positives": sorted(both, key=lambda hit: -hit.similarity),
            "negatives": [hit for hit in leader.negatives if hit.photo_id not in taken],
            "searched": leader.searched + rival.searched,
            "how": [*leader.how, *rival.how],
            "left_out": _together(leader.left_out, rival.left_out),
            "notes": [*leader.notes, *(f"around the runner-up: {note}" for note in rival.notes)],
        }
    )


def _together(
    some: Mapping[str, Iterable[int]], others: Mapping[str, Iterable[int]]
) -> dict[str, list[int]]:
    """Return the photos left out of either search, by the reason."""
    return {
        reason: sorted({*some.get(reason, ()), *others.get(reason, ())})
        for reason in sorted(some.keys() | others.keys())
    }


def search_both_ways(
    gallery: Gallery,
    vector: NDArray[np.float32],
    search: Search,
    context: Context,
    also: Sequence[Hit] = (),
) -> Retrieval:
    """Return positives and negatives, no photo in both and none near both.

    The distance of negatives from places is the same in every round. Inside a circle of that size
    no photo is one: whatever lies there speaks for the place, and so a fine round has none.

    Args:
        gallery: What is asked.
        vector: The photo's, `[dimension]`, L2-normalised.
        search: Where, and by which encoder.
        context: How many, and which negatives.
        also: Other similar photos, from which negatives keep their distance too.
    """
    near = gallery.nearest(vector, context.positives, search)
    vectors = context.negatives_vectors or search.vectors
    known = gallery.centring(search.encoder) if "centred" in (search.vectors, vectors) else None
    centring = known if search.vectors == "centred" else None
    retrieval = Retrieval(
        round=0,
        region=None,
        positives=as_hits(near, centring, near.rows),
        negatives=[],
        negatives_by=context.negatives_by,
        searched=near.rows,
        how=_reports("positives", near),
        temperature=centring.temperature if centring else None,
        centring_version=centring.version if centring else None,
        impostor_distance_km=centring.impostor_distance_km if centring else None,
    )
    places = [*retrieval.positives, *also]
    there = replace(
        search,
        vectors=vectors,
        outside=_around_places(places, context.negatives_apart_km),
    )
    far = NONE_FOUND
    if context.negatives and context.negatives_by == "dissimilar":
        far = gallery.most_dissimilar(vector, context.negatives, there)
    elif context.negatives and context.negatives_by == "far":
        around = _around_the_leader(retrieval, context)
        if around is not None:
            # Some of the most alike far away are positives already; there is to be room for others.
            room = context.negatives + len(near)
            there = replace(there, outside=(around, *there.outside))
            far = gallery.nearest(vector, room, there)
            far = _apart(far, near, context.negatives)
    taken = {neighbour.photo_id for neighbour in near}
    apart = [neighbour for neighbour in far if neighbour.photo_id not in taken]
    return retrieval.model_copy(
        update={
            "negatives": as_hits(apart, known if vectors == "centred" else None, near.rows),
            "how": [*retrieval.how, *_reports("negatives", far)],
            "notes": _notes(context, near, far, apart, known is not None),
            "left_out": _together(near.left_out, far.left_out),
        }
    )


THIN = 0.1
"""Share of the distance within which one of two photos of a long place stands for both."""


def _around_places(hits: Sequence[Hit], apart_km: float) -> tuple[Area, ...]:
    """Return circles that hold all within a distance of the photos' places and of the photos.

    What lies in them may be a tenth farther from a place that is long, as photos along a road are,
    and elsewhere farther by the place's own reach.

    Args:
        hits: Similar photos.
        apart_km: The distance; 0 gives no circle.
    """
    if not apart_km:
        return ()
    circles: list[tuple[float, float, float]] = []
    for place in shortlist(hits, DEFAULT_TEMPERATURE):
        if place.spread_km <= apart_km:
            circles.append((place.latitude, place.longitude, apart_km + place.spread_km))
            continue
        at = np.array([(hit.latitude, hit.longitude) for hit in place.photos])
        beside = distances_km(*at.T, *at.T) <= THIN * apart_km
        stands = np.zeros(len(at), dtype=bool)
        for one, near in enumerate(beside):
            stands[one] = not (near & stands).any()
        points = [(place.latitude, place.longitude), *map(tuple, at[stands].tolist())]
        circles += [(*point, (1 + THIN) * apart_km) for point in points]
    return tuple(
        search_area(circle(latitude, longitude, min(radius_km, HALF_CIRCUMFERENCE_KM)))
        for latitude, longitude, radius_km in circles
    )


def _around_the_leader(retrieval: Retrieval, context: Context) -> Area | None:
    """Return the circle that negatives of the kind `far` lie outside; none without a leader."""
    leading = consensus(retrieval)
    if leading.latitude is None or leading.longitude is None:
        return None
    return search_area(circle(leading.latitude, leading.longitude, context.far_km))


def _apart(far: Found, near: Found, most: int) -> Found:
    """Return the first photos that are not positives."""
    known = {neighbour.photo_id for neighbour in near}
    others = [neighbour for neighbour in far if neighbour.photo_id not in known]
    return replace(far, neighbours=tuple(others[:most]))


def _counted(retrieval: Retrieval) -> str:
    similar = f"{len(retrieval.positives)} similar"
    if retrieval.negatives_by == "none":
        return similar
    return f"{similar} and {len(retrieval.negatives)} {NEGATIVES_CALLED[retrieval.negatives_by]}"


def _searched(state: State, retrieval: Retrieval) -> str:
    region = state.region or state.within
    if region is None:
        return f"{retrieval.searched} photos anywhere"
    # Counts are kept per cell, and a region cuts through cells.
    names = region.name if state.rival is None else f"{region.name} and {state.rival.name}"
    if state.given is not None and state.given.round == state.round:
        names += f", given by {state.given.by}"
    return f"about {retrieval.searched} photos in {names}"


def _reports(kind: str, found: Found) -> list[SearchReport]:
    return [SearchReport.model_validate({"kind": kind, **asdict(part)}) for part in found.how]


def _fewer(kind: str, found: Found, asked: int) -> str:
    return f"{asked} {kind} photos were asked for, {len(found)} were found{_why_fewer(found)}"


def _why_fewer(found: Found) -> str:
    """Return why photos were left out, for a note; empty where none was."""
    reasons = {
        "of pictures found already": sum(part.twins for part in found.how),
        "of the photo itself": sum(part.own for part in found.how),
        "removed": sum(part.removed for part in found.how),
        f"as leaks: {', '.join(sorted(found.left_out))}": len(
            {photo for ids in found.left_out.values() for photo in ids}
        ),
    }
    said = [f"{count} {what}" for what, count in reasons.items() if count]
    return f" (left out: {', '.join(said)})" if said else ""


def _notes(
    context: Context, near: Found, far: Found, apart: list[Neighbour], centred: bool
) -> list[str]:
    notes = []
    if len(near) < context.positives:
        notes.append(_fewer("similar", near, context.positives))
    if context.negatives_by != "none" and len(far) < context.negatives:
        fewer = _fewer(NEGATIVES_CALLED[context.negatives_by], far, context.negatives)
        apart_km = context.negatives_apart_km
        others = "all others" if len(far) else "all"
        near_places = f": {others} lie within {apart_km:g} km of a place of the similar photos"
        notes.append(fewer + (near_places if near and apart_km else ""))
    if len(apart) < len(far):
        notes.append(
            f"{len(far) - len(apart)} photos were found both as positives and as negatives;"
            " they count as positives"
        )
    sought = context.negatives and context.negatives_by != "none"
    wanted = {context.vectors, context.negatives_vectors if sought else None}
    if "centred" in wanted and not centred:
        notes.append("the gallery has too few photos to center vectors, so they were compared raw")
    return notes
