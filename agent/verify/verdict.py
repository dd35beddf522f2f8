"""Accept, refine, ask a person, or abstain: pure rules over the candidates of a round.

A candidate holds where its best match is rare (at most `impostor_share` of unrelated photos match
as well) or where several photos agree on it. What each rule is worth on the starter gallery is in
docs/architecture.md, the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.regions import next_look
from geofix.agent.state import Candidate, Hit, Region, Retrieval, SceneSeen, Verdict
from geofix.agent.verify.candidates import KNOWN_AT_SHARE
from geofix.agent.verify.geometry import geometry_agrees
from geofix.agent.verify.observed import near
from geofix.agent.verify.scene import rejection
from geofix.tools.statistics import PLACE_KM, SCALES_KM

NO_HALF = Reason.of(Code.NO_MAJORITY, "no place has half of the votes")

AGREEING_PHOTOS = 3
"""This many independent photos with half the votes outweigh a match that is not rare."""

TOO_FEW = Reason.of(
    Code.GALLERY_TOO_SMALL,
    "the gallery has too few photos of different places to tell a real match from a chance one;"
    " add photos of other places, or run an ingestion that was cut off again",
)

SURPRISING = 2.0
"""Photos agree on a place where it has this many times the votes that its share of the gallery
would give it."""

TYPICAL_SHARE = 0.5
"""Agreement does not count where more unrelated photos than this match as well."""

RARE_SHARE = 0.1
"""A match is told as rare where no more unrelated photos match as well."""


def decide(
    candidates: list[Candidate],
    retrieval: Retrieval,
    context: Context,
    *,
    rounds_left: int,
    looked_within: Region | None = None,
    scene: SceneSeen | None = None,
) -> Verdict:
    """Return the verdict of a round.

    Args:
        candidates: In order.
        retrieval: What they rest on.
        context: What the run asks for.
        rounds_left: How many finer looks may follow.
        looked_within: The region that a finer look must be narrower than, if there is one.
        scene: What the photo shows; none where nobody looked.
    """
    standing = [candidate for candidate in candidates if candidate.vetoed is None]
    doubt = _doubt(standing, candidates, retrieval, context, scene)
    if doubt:
        return Verdict(reasons=doubt, decision="abstain")
    first = standing[0]
    reasons = [*_support(first, retrieval), *_left_out(candidates)]
    coarse = first.scale_km > context.finest_km
    if rounds_left > 0 and coarse and next_look(candidates, looked_within) is not None:
        reasons.insert(
            0,
            Reason.of(
                Code.CLOSER_SEARCH,
                f"the similar photos agree only to within {first.scale_km:g} km; a closer search"
                " may narrow the place down",
            ),
        )
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
        return Verdict(
            reasons=reasons, decision="abstain" if context.pause == "never" else "review"
        )
    return Verdict(reasons=reasons, decision="accept")


def _undecided(standing: Sequence[Candidate], rival: Candidate, lead: float) -> Reason:
    first = standing[0]
    names = [candidate.place or "an unnamed place" for candidate in (first, rival)]
    # The table shows others between the two: those are not other places at this scale.
    coarse = f" (certain only to within {first.scale_km:g} km)" if standing[1] is not rival else ""
    return Reason.of(Code.AMBIGUOUS, f"{names[0]}{coarse} leads {names[1]} by only {lead:.2f}")


def _doubt(
    standing: list[Candidate],
    candidates: list[Candidate],
    retrieval: Retrieval,
    context: Context,
    scene: SceneSeen | None,
) -> list[Reason]:
    """Return why nothing may be answered; empty if something may."""
    if not retrieval.positives:
        where = "the gallery" if retrieval.region is None else retrieval.region.name
        return [
            Reason.of(Code.NO_PHOTO_FOUND, f"no photo was found in {where}"),
            *(Reason.of(Code.SEARCH_NOTE, note) for note in retrieval.notes),
        ]
    if not standing:
        return [_none_standing(candidates), *_left_out(candidates)]
    first = standing[0]
    shown = rejection(scene, first)
    if shown is not None:
        return [shown]
    if retrieval.impostor_share is None:
        # Raw vectors are the papers' mode, which never abstains; the answer says it is degraded.
        return [] if context.vectors == "raw" else [TOO_FEW]
    if first.best_similarity is None:
        return [
            Reason.of(
                Code.DRAFT_ONLY,
                f"no gallery photo supports {first.place or 'the first candidate'}; only the"
                " model's draft names it",
            )
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
    unlike = Reason.of(
        Code.UNLIKE_GALLERY,
        f"no gallery photo is similar enough: {share:.0%} of unrelated photos match as well as the"
        f" best photo from {first.place or 'the first candidate'}",
    )
    if not agreed:
        scattered = "too few of the similar photos agree on one place"
        return [unlike, Reason.of(Code.VOTES_SCATTERED, scattered)]
    return [unlike, crowded] if crowded else [unlike]


def _none_standing(candidates: Sequence[Candidate]) -> Reason:
    codes = {candidate.vetoed.code for candidate in candidates if candidate.vetoed is not None}
    if codes == {Code.OUTSIDE_REGION.value}:
        return Reason.of(Code.REGION_EXCLUDED, "every candidate lies outside the region asked for")
    return Reason.of(Code.ALL_EXCLUDED, "every candidate was ruled out")


def _crowded(first: Candidate) -> Reason | None:
    """Return why agreement on a place means little; none where it means something, or is unknown.

    In a gallery of one city all photos found are of that city, whatever was asked.
    """
    times = 10 ** first.parts.get("votes_over_density", 0.0)
    if first.parts.get("photos_there", 0.0) == 0.0 or times >= SURPRISING:
        return None
    return Reason.of(
        Code.VOTES_EXPECTED,
        "the agreement of the similar photos means little: the place has only"
        f" {times:.1f} times the votes that its share of the gallery would give it",
    )


def _support(first: Candidate, retrieval: Retrieval) -> list[Reason]:
    reasons = [Reason.of(Code.VOTES, _agreement(first, retrieval.positives))]
    if retrieval.impostor_share is not None and first.best_similarity is not None:
        share = 1 - first.parts["likeness"]
        only = "only " if share <= RARE_SHARE else ""
        rarity = (
            f"the best match from here has similarity {first.best_similarity:.2f};"
            f" {only}{share:.1%} of unrelated photos match that well"
        )
        reasons.append(Reason.of(Code.RARITY, rarity))
    if geometry_agrees(first):
        points = f"{first.parts['inliers']:.0f} points match in a picture taken there"
        reasons.append(Reason.of(Code.POINTS_MATCH, points))
    if first.parts["draft"] > 0:
        reasons.append(Reason.of(Code.DRAFT_AGREES, "the model's draft names the same place"))
    return reasons


def _agreement(first: Candidate, positives: Sequence[Hit]) -> str:
    scale_km = min(first.scale_km, SCALES_KM[-1])
    share, there = first.share_within(scale_km), len(near(first, positives, scale_km))
    where = f"within {scale_km:g} km of {first.place or 'this place'}"
    counted = f"{there} of {len(positives)} similar photos"
    if there == 1:
        return f"{counted} was taken {where}; it alone has {share:.0%} of the votes"
    return f"{counted} were taken {where}; they have {share:.0%} of the votes"


def _left_out(candidates: list[Candidate]) -> list[Reason]:
    """Say why candidates were left out: the first that was held back, and all vetoed ones."""
    held = [candidate for candidate in candidates if candidate.held_back is not None]
    vetoed = [candidate for candidate in candidates if candidate.vetoed is not None]
    return [
        Reason.of(
            Code.LEFT_OUT,
            f"{candidate.place or 'a drafted place'} was left out:"
            f" {candidate.vetoed or candidate.held_back}",
        )
        for candidate in [*held[:1], *vetoed]
    ]
