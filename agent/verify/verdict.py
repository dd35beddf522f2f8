"""Accept, refine, ask a person, or abstain: pure rules over the candidates of a round.

A candidate holds where its best match is rare (at most `impostor_share` of unrelated photos match
as well), where several photos agree on it, or where points of a picture match. It is the answer
where it is ahead of every other place. What each rule withholds and what it saves is in
docs/evaluation.md, "The price of abstaining".
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.fix.wording import apart, below, called, listed, names_apart, shortened, told
from geofix.agent.regions import next_look
from geofix.agent.state import Candidate, Hit, Region, Retrieval, SceneSeen, Verdict
from geofix.agent.verify.candidates import KNOWN_AT_SHARE
from geofix.agent.verify.geometry import geometry_agrees
from geofix.agent.verify.observed import near
from geofix.agent.verify.scene import rejection
from geofix.tools.statistics import PLACE_KM, SCALES_KM
from geofix.tools.statistics.clusters import DEFAULT_TEMPERATURE, vote_weights

AGREEING_PHOTOS = 3
"""This many independent photos with half the votes outweigh a match that is not rare."""

TIE = 0.05
"""A lead in score that means nothing among places within the first one's scale. With less, the
first was right no more often than the second (docs/evaluation.md)."""

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

NEARLY_ALL = 0.8
"""A photo with this share of a place's votes is told apart from the others there."""

UNDECIDED = (Code.AMBIGUOUS.value, Code.NO_MAJORITY.value, Code.LOW_SCORE.value)
"""What a run can be told to answer all the same, as a guess."""


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
    rivals = rivals_of(standing, context)
    reasons = [*_support(first, retrieval, rivals), *_left_out(candidates)]
    coarse = first.scale_km > context.finest_km
    if rounds_left > 0 and coarse and next_look(candidates, looked_within) is not None:
        known = first.scale_km <= SCALES_KM[-1]
        agree = f"only to within {first.scale_km:,g} km" if known else "on no region"
        closer = f"the similar photos agree {agree}; a closer search may narrow the place down"
        reasons.insert(0, Reason.of(Code.CLOSER_SEARCH, closer))
        return Verdict(reasons=reasons, decision="refine")
    undecided = _undecided(standing, context)
    if not undecided:
        return Verdict(reasons=reasons, decision="accept")
    reasons = [*undecided, *reasons]
    if context.pause != "never":
        return Verdict(reasons=reasons, decision="review")
    return Verdict(reasons=reasons, decision="accept" if context.best_guess else "abstain")


def guess_of(verdict: Verdict) -> Reason | None:
    """Return why an accepted answer is only a guess; none where it is not one."""
    first = verdict.reasons[0] if verdict.reasons else None
    guessed = verdict.decision == "accept" and not verdict.by_person
    return first if guessed and first is not None and first.code in UNDECIDED else None


def _undecided(standing: Sequence[Candidate], context: Context) -> list[Reason]:
    """Return why the first place cannot be told from others; empty where it can."""
    first, others = standing[0], _others(standing)
    if rivals := rivals_of(standing, context):
        between = f"undecided between {listed([first, *rivals])} ({apart([first, *rivals])})"
        name, rival = names_apart([first, rivals[0]])
        needed = _lead_needed(rivals[0], first, context)
        scores = f"{name} scores {told(first)} and {rival} {told(rivals[0])}"
        scores += f"; a lead of less than {needed:g} does not count" if needed else ""
        return [Reason.of(Code.AMBIGUOUS, between), Reason.of(Code.AMBIGUOUS, scores)]
    (name,) = names_apart([first])
    if first.scale_km > SCALES_KM[-1] and not geometry_agrees(first):
        share = first.share_within(SCALES_KM[-1])
        places = f"; other places are {listed(others)}" if others else ""
        none = f"only {share:.0%} of the votes are within {SCALES_KM[-1]:,g} km of {name}{places}"
        return [Reason.of(Code.NO_MAJORITY, none)]
    if first.score < context.accept_score:
        scored = below(first.score, context.accept_score)
        low = f"{name} scores only {scored}, and {context.accept_score:g} was asked for"
        return [Reason.of(Code.LOW_SCORE, low)]
    return []


def _others(candidates: Sequence[Candidate]) -> list[Candidate]:
    # One kind of evidence alone is no rival across regions.
    return [
        one
        for one in candidates
        if one.vetoed is None and one.held_back is None and one.distance_km > PLACE_KM
    ]


def rivals_of(candidates: Sequence[Candidate], context: Context) -> list[Candidate]:
    """Return the places that the first candidate is not ahead of, best first.

    Args:
        candidates: In order.
        context: With the lead that is asked for.
    """
    return [one for one in _others(candidates) if _not_behind(one, candidates[0], context)]


def _not_behind(other: Candidate, first: Candidate, context: Context) -> bool:
    lead = first.score - other.score
    return lead <= 0 or lead < _lead_needed(other, first, context)


def _lead_needed(other: Candidate, first: Candidate, context: Context) -> float:
    # What lies within the scale at which the first is known may be meant by the same photos.
    inside = other.distance_km <= first.scale_km
    return min(TIE, context.accept_margin) if inside else context.accept_margin


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
    # What was left out decides where it would have come before the first.
    passed = [one for one in candidates if one.score > first.score]
    return [*doubts, *_left_out(passed)] if (doubts := _unlike(first, retrieval, context)) else []


def _unlike(first: Candidate, retrieval: Retrieval, context: Context) -> list[Reason]:
    """Return why the first place's photos are no evidence; empty where they are."""
    place = called(first, "the first candidate")
    if first.best_similarity is None:
        only = f"no gallery photo supports {place}; only the model's draft names it"
        return [Reason.of(Code.DRAFT_ONLY, only)]
    share = 1 - first.parts["likeness"]
    if share <= context.impostor_share or geometry_agrees(first):
        return []
    crowded = _crowded(first)
    agree = _disagreement(first, retrieval.positives)
    if crowded is None and agree is None and share <= TYPICAL_SHARE:
        return []
    unlike = (
        f"no gallery photo of {place} is similar enough: {share:.0%} of unrelated photos match as"
        " well as the best one"
    )
    also = [one for one in (agree or crowded, _best_match(first, retrieval)) if one is not None]
    return [Reason.of(Code.UNLIKE_GALLERY, unlike), *also]


def _disagreement(first: Candidate, positives: Sequence[Hit]) -> Reason | None:
    """Return why the photos of a place do not agree on it; none where they do."""
    place = called(first, "the first candidate")
    share, there = (
        first.share_within(PLACE_KM),
        f"{first.photos} of {len(positives)} similar photos",
    )
    if first.independent < AGREEING_PHOTOS:
        apart = (
            f"{there} were taken at {place}; it takes {AGREEING_PHOTOS} to outweigh that"
            if first.photos == first.independent
            else f"{there} were taken at {place}, but side by side: they count as"
            f" {first.independent}, and it takes {AGREEING_PHOTOS}"
        )
        return Reason.of(Code.VOTES_SCATTERED, apart)
    if share < KNOWN_AT_SHARE:
        votes = f"{there} were taken at {place}, and they have only {share:.0%} of the votes"
        return Reason.of(Code.VOTES_SCATTERED, votes)
    return None


def _none_standing(candidates: Sequence[Candidate]) -> Reason:
    vetoes = [candidate.vetoed for candidate in candidates if candidate.vetoed is not None]
    if {veto.code for veto in vetoes} == {Code.OUTSIDE_REGION.value}:
        return Reason.of(Code.REGION_EXCLUDED, "every candidate lies outside the region asked for")
    why = "; ".join(dict.fromkeys(veto.text for veto in vetoes))
    return Reason.of(Code.ALL_EXCLUDED, f"every candidate was ruled out: {why}")


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


def _support(first: Candidate, retrieval: Retrieval, rivals: Sequence[Candidate]) -> list[Reason]:
    reasons = [Reason.of(Code.VOTES, _agreement(first, retrieval))]
    if retrieval.impostor_share is not None and (best := _best_match(first, retrieval)):
        reasons.append(best)
    if geometry_agrees(first):
        reasons.append(Reason.of(Code.POINTS_MATCH, _points(first, rivals)))
    if first.parts["draft"] > 0:
        reasons.append(Reason.of(Code.DRAFT_AGREES, "the model's draft names the same place"))
    return reasons


def _points(first: Candidate, rivals: Sequence[Candidate]) -> str:
    points = f"{first.parts['inliers']:.0f} points match in a picture taken"
    also = next((one for one in rivals if geometry_agrees(one)), None)
    if also is None:
        return f"{points} there"
    # Told of the first alone, they would seem to decide.
    name, other = names_apart([first, also])
    return f"{points} at {name}, and {also.parts['inliers']:.0f} in one taken at {other}"


def _best_match(first: Candidate, retrieval: Retrieval) -> Reason | None:
    """Name the photo of a place that is most similar. No model may be told: it quotes a file."""
    if first.best_similarity is None:
        return None
    share = 1 - first.parts["likeness"]
    found = max(near(first, retrieval.positives), key=lambda hit: hit.similarity, default=None)
    # A place of a round before has its photos there.
    known = found is not None and found.similarity == first.best_similarity
    named = ""
    if found is not None and known:
        named = f", {shortened(found.external_id)} of the gallery {shortened(found.gallery)},"
    only = "only " if share <= RARE_SHARE else ""
    return Reason.of(
        Code.RARITY,
        f"the best match from here{named} has similarity {first.best_similarity:.2f};"
        f" {only}{share:.1%} of unrelated photos match that well",
    )


def _agreement(first: Candidate, retrieval: Retrieval) -> str:
    positives = retrieval.positives
    scale_km = min(first.scale_km, SCALES_KM[-1])
    share, photos = first.share_within(scale_km), near(first, positives, scale_km)
    where = f"within {scale_km:,g} km of {called(first, 'this place')}"
    counted = f"{len(photos)} of {len(positives)} similar photos"
    if len(photos) == 1:
        return f"{counted} was taken {where}; it alone has {share:.0%} of the votes"
    said = f"{counted} were taken {where}; they have {share:.0%} of the votes"
    weights = vote_weights(
        [hit.similarity for hit in positives], retrieval.temperature or DEFAULT_TEMPERATURE
    )
    there = {hit.photo_id for hit in photos}
    votes = [
        float(vote) for vote, hit in zip(weights, positives, strict=True) if hit.photo_id in there
    ]
    # In a finer round the place has a part of these votes, each photo the same part.
    alone = max(votes, default=0.0) / sum(votes) if votes else 0.0
    return said if alone < NEARLY_ALL else f"{said}, and one photo alone has {alone * share:.0%}"


def _left_out(candidates: list[Candidate]) -> list[Reason]:
    """Say why candidates were left out: the first that was held back, and all vetoed ones."""
    held = [candidate for candidate in candidates if candidate.held_back is not None]
    vetoed = [candidate for candidate in candidates if candidate.vetoed is not None]
    return [
        Reason.of(
            Code.LEFT_OUT,
            f"{called(candidate, 'a drafted place')} was left out:"
            f" {candidate.vetoed or candidate.held_back}",
        )
        for candidate in [*held[:1], *vetoed]
    ]
