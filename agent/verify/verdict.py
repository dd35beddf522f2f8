"""Accept, refine, ask a person, or abstain: pure rules over the candidates of a round.

A candidate holds where its photos are alike enough (rarer than `impostor_share` among photos of
unlike places) or where several photos agree on it. What each rule is worth on the starter gallery
stands in docs/architecture.md, the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.context import Context
from geofix.agent.regions import next_look
from geofix.agent.state import Candidate, Retrieval, SceneSeen, Verdict
from geofix.agent.verify.candidates import KNOWN_AT_SHARE
from geofix.agent.verify.geometry import geometry_agrees
from geofix.agent.verify.scene import rejection
from geofix.tools.statistics import PLACE_KM, SCALES_KM

NO_HALF = "no place has half of the votes"

AGREEING_PHOTOS = 3
"""So many independent photos with half the votes outweigh a likeness that is not rare."""

TOO_FEW = (
    "the gallery has too few photos of unlike places to tell what is alike from what is not; add"
    " photos of other places, or finish an ingestion that was cut off by running it again"
)

SURPRISING = 2.0
"""Votes so many times as dense at a place as the gallery's own photos are agreement."""

TYPICAL_SHARE = 0.5
"""Past the median of the null distribution no agreement counts: the photo resembles nothing."""


def decide(
    candidates: list[Candidate],
    retrieval: Retrieval,
    context: Context,
    *,
    rounds_left: int,
    scene: SceneSeen | None = None,
) -> Verdict:
    """Return the verdict of a round.

    Args:
        candidates: In order.
        retrieval: What they rest on.
        context: What the run asks for.
        rounds_left: How many finer looks may follow.
        scene: What the photo shows; none where nobody looked.
    """
    standing = [candidate for candidate in candidates if candidate.vetoed is None]
    doubt = _doubt(standing, candidates, retrieval, context, scene)
    if doubt:
        return Verdict(reasons=doubt, decision="abstain")
    first = standing[0]
    reasons = [*_support(first, retrieval), *_left_out(candidates)]
    searched = retrieval.region if retrieval.round > 0 else None
    coarse = first.scale_km > context.finest_km
    if rounds_left > 0 and coarse and next_look(candidates, searched) is not None:
        reasons.insert(0, f"known to {first.scale_km:g} km only: a closer look can help")
        return Verdict(reasons=reasons, decision="refine")
    # What lies within the scale at which the first is known is not another place.
    # One kind of evidence alone is no rival across regions either.
    rivals = [
        candidate
        for candidate in standing
        if candidate.distance_km > first.scale_km and candidate.held_back is None
    ]
    lead = first.score - (rivals[0].score if rivals else 0.0)
    close = bool(rivals) and lead < context.accept_margin
    if close or first.scale_km > SCALES_KM[-1]:
        undecided = _undecided(standing, rivals[0], lead) if close else NO_HALF
        reasons.insert(0, undecided)
        return Verdict(reasons=reasons, decision="review" if context.ask_human else "abstain")
    return Verdict(reasons=reasons, decision="accept")


def _undecided(standing: Sequence[Candidate], rival: Candidate, lead: float) -> str:
    first = standing[0]
    names = [candidate.place or "an unnamed place" for candidate in (first, rival)]
    # The table shows others between the two: those are not other places at this scale.
    coarse = f", known to {first.scale_km:g} km only," if standing[1] is not rival else ""
    return f"{names[0]}{coarse} leads {names[1]} by {lead:.2f} only"


def _doubt(
    standing: list[Candidate],
    candidates: list[Candidate],
    retrieval: Retrieval,
    context: Context,
    scene: SceneSeen | None,
) -> list[str]:
    """Return why nothing may be answered; empty if something may."""
    if not retrieval.positives:
        where = "the gallery" if retrieval.region is None else retrieval.region.name
        return [f"no photo was found in {where}", *retrieval.notes]
    if not standing:
        return ["every candidate is vetoed", *_left_out(candidates)]
    first = standing[0]
    shown = rejection(scene, first)
    if shown is not None:
        return [shown]
    if retrieval.impostor_share is None:
        # Raw vectors are the papers' mode, which never abstains; the answer says it is degraded.
        return [] if context.vectors == "raw" else [TOO_FEW]
    if first.best_similarity is None:
        return [
            f"no photo of the gallery speaks for {first.place or 'the first candidate'}:"
            " it is a model's draft alone"
        ]
    share = 1 - first.parts["likeness"]
    if share <= context.impostor_share:
        return []
    if geometry_agrees(first):
        return []
    crowded = _crowded(first)
    agreed = first.independent >= AGREEING_PHOTOS and first.share_within(PLACE_KM) >= KNOWN_AT_SHARE
    if agreed and not crowded and share <= TYPICAL_SHARE:
        return []
    return [
        "nothing in the gallery is alike enough:"
        f" {share:.0%} of its photos resemble a photo from elsewhere as much as the best one from"
        f" {first.place or 'the first candidate'} resembles this one",
        *([] if agreed else ["too few of the similar photos agree on one place"]),
        *(
            ["that the similar photos agree tells nothing: " + crowded]
            if agreed and crowded
            else []
        ),
    ]


def _crowded(first: Candidate) -> str | None:
    """Return why agreement on a place is no wonder; none where it is, or nobody counted.

    In a gallery of one city all photos found are of that city, whatever was asked.
    """
    times = 10 ** first.parts.get("votes_over_density", 0.0)
    if first.parts.get("photos_there", 0.0) == 0.0 or times >= SURPRISING:
        return None
    return f"they are {times:.1f} times as dense there as the gallery's photos are"


def _support(first: Candidate, retrieval: Retrieval) -> list[str]:
    scale_km = min(first.scale_km, SCALES_KM[-1])
    share = first.share_within(scale_km)
    reasons = [
        f"{share:.0%} of the votes of {len(retrieval.positives)} similar photos lie within"
        f" {scale_km:g} km of {first.place or 'this place'}"
    ]
    if retrieval.impostor_share is not None and first.best_similarity is not None:
        reasons.append(
            f"its best likeness, {first.best_similarity:.2f}, is one that"
            f" {1 - first.parts['likeness']:.1%} of the gallery's photos have with a photo from"
            " elsewhere"
        )
    if geometry_agrees(first):
        reasons.append(f"{first.parts['inliers']:.0f} points agree with a picture of it")
    if first.parts["draft"] > 0:
        reasons.append("the model's draft names the same place")
    return reasons


def _left_out(candidates: list[Candidate]) -> list[str]:
    """Say why candidates were left out; of those held back for one reason, the first."""
    held = [candidate for candidate in candidates if candidate.held_back is not None]
    vetoed = [candidate for candidate in candidates if candidate.vetoed is not None]
    return [
        f"{candidate.place or 'a drafted place'} was left out:"
        f" {candidate.vetoed or candidate.held_back}"
        for candidate in [*held[:1], *vetoed]
    ]
