"""Other forms of an answer: text for a chat or a model, and GeoJSON for a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from geofix.agent.answer import Code, Reason, format_coordinates
from geofix.tools.geo.shapes import circle_geometry
from geofix.tools.statistics import SCALES

if TYPE_CHECKING:
    from geofix.agent.fix.contract import Fix, FixCandidate, Position
    from geofix.agent.fix.parts import FixKnownPhoto

LONGEST_LABEL = 60
"""Characters of a place name in the text."""

QUOTING = frozenset({Code.RARITY.value})
"""Reasons that name a photo of a gallery. Its file name may say what its owner tells no model."""

UNSIGNED = {
    Code.PERSON_CHOSE.value: "a person chose this place",
    Code.PERSON_CHOSE_NONE.value: "a person chose none of the candidates",
    Code.REGION_GIVEN.value: "the region to search was given",
    Code.HINT_GIVEN.value: "a person gave a hint",
}
"""Reasons that name who decided, without the name."""

LONGEST_SENTENCE = 160
"""Characters of a reason in the text."""

MOST_CANDIDATES = 4
"""Candidates in the text, where none is the answer."""


def kilometers(distance_m: float) -> str:
    """Return a distance with its unit."""
    if distance_m < 1000:
        return f"{distance_m:.0f} m"
    return f"{distance_m / 1000:.1f} km" if distance_m < 1e5 else f"{distance_m / 1000:,.0f} km"


def radius_sentence(position: Position) -> str:
    """Return what the radius says, in the words of the contract."""
    distance = kilometers(position.radius_m)
    if position.coverage is None:
        return f"reach of the evidence: {distance} (not calibrated, so the place can lie outside)"
    return f"within {distance} with {position.coverage:.0%} coverage"


def coordinates_of(fix: Fix, position: Position) -> str:
    """Return the answer's position as text, with the digits that its radius leaves a meaning to.

    What a published method answers with is told as it is: the radius is ours, not the method's.
    """
    radius_km = 0.0 if by_method(fix) else position.radius_m / 1000
    return format_coordinates(position.latitude, position.longitude, radius_km=radius_km)


def by_method(fix: Fix) -> bool:
    """Say whether a published method chose the answer."""
    return any(reason.code == Code.BY_METHOD for reason in fix.reasons)


def label_of(fix: Fix) -> str | None:
    """Return the name of the answer's place; none where the radius is larger than any has.

    A guess between places of several continents has none either.
    """
    if fix.place is not None:
        return fix.place.label
    if guess_in(fix) is not None:
        return None
    return "no named place" if (fix.radius_km or 0.0) <= SCALES["continent"] else None


def headline(abstention: Reason) -> str:
    """Return an abstention as the first line of an answer, without a full stop."""
    if _is_tie(abstention):
        return _begun(abstention.text)
    return f"No answer: {abstention.text}"


def _is_tie(abstention: Reason) -> bool:
    # In runs of earlier versions the text says which place leads.
    return abstention.code == Code.AMBIGUOUS and abstention.text.startswith("undecided ")


def _begun(sentence: str) -> str:
    # The name is written small everywhere.
    return sentence if sentence.startswith("geofix ") else sentence[:1].upper() + sentence[1:]


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("…") else f"{sentence}."


def guess_in(fix: Fix) -> Reason | None:
    """Return the warning that the answer is a guess; none where it is not one."""
    return next((one for one in fix.warnings if one.code == Code.BEST_GUESS), None)


def text(fix: Fix) -> str:
    """Return the answer in a few sentences of plain text."""
    parts = [_head(fix)]
    told = [reason for reason in fix.reasons if reason.code not in QUOTING]
    # What geofix thought of it comes after a person's choice.
    most = 2 if told and told[0].code == Code.PERSON_CHOSE else 1
    parts += [_ended(_begun(_short(_unsigned(one, fix), LONGEST_SENTENCE))) for one in told[:most]]
    parts += [*_against(fix), *_others(fix)]
    parts += [f"{one}." for one in _known_places(fix.known_photos)]
    if fix.claim is not None and fix.claim.checked is not None:
        parts.append(f"The claimed place is {fix.claim.checked.verdict}.")
    if fix.warnings:
        parts.append(f"Warnings: {', '.join(dict.fromkeys(w.code for w in fix.warnings))}.")
    return " ".join([*parts, f"Run {fix.run}."])


def _unsigned(reason: Reason, fix: Fix) -> str:
    """Return a reason without the name of who decided, which no model is told."""
    if reason.code == Code.PERSON_CHOSE and fix.candidates and fix.candidates[0].label:
        # The name in full, which the answer has not where its radius is large.
        return f"a person chose {_short(fix.candidates[0].label, LONGEST_LABEL)}"
    return UNSIGNED.get(reason.code, reason.text)


def _against(fix: Fix) -> list[str]:
    against = sum(bool(photo.contradicts) for photo in fix.evidence)
    if not against:
        return []
    verb = "contradicts" if against == 1 else "contradict"
    return [f"{against} of {len(fix.evidence)} photos of the evidence {verb} it."]


def _others(fix: Fix) -> list[str]:
    """Name the places that are not the answer, as far as there is room."""
    stopped = fix.abstention is not None and fix.abstention.code == Code.PERSON_CHOSE_NONE
    rivals = [one for one in fix.candidates if one.excluded is None]
    rivals = rivals[1:] if fix.located else rivals
    if not rivals or stopped or fix.status == "running":
        return []
    if fix.located:
        return [f"Next: {_named(rivals[0])}."]
    first = rivals[:MOST_CANDIDATES]
    more = len(rivals) - len(first) + fix.candidates_not_listed
    listed = "; ".join(map(_named, first)) + (f"; and {more} more" if more else "")
    return [f"{'Candidates' if rivals[1:] or more else 'Candidate'}: {listed}."]


def _known_places(photos: Sequence[FixKnownPhoto]) -> list[str]:
    """Say where the photo is known, once for each place: two galleries can disagree."""
    said: dict[tuple[str, str], str] = {}
    for photo in photos:
        place = format_coordinates(photo.latitude, photo.longitude, radius_km=SCALES["street"])
        gallery = "a gallery" if not said else "another gallery"
        said.setdefault((photo.kind, place), known_sentence(photo, gallery))
    return list(said.values())


def known_sentence(photo: FixKnownPhoto, gallery: str = "a gallery") -> str:
    """Say where the photo itself is known to be from, without a full stop.

    Args:
        photo: The same file, or what looks like a copy.
        gallery: How the gallery is called where its name may be told.
    """
    exact = photo.kind == "exact"
    what = "This exact file is" if exact else "What looks like a copy of this photo is"
    return f"{what} in {gallery} at {format_coordinates(photo.latitude, photo.longitude)}"


def _head(fix: Fix) -> str:
    if fix.position is not None:
        guess = "A guess: " if guess_in(fix) else ""
        where = coordinates_of(fix, fix.position)
        label = label_of(fix)
        named = where if label is None else f"{_short(label, LONGEST_LABEL)}, {where}"
        named = named if guess else _begun(named)
        return f"{guess}{named}; {radius_sentence(fix.position)}."
    if fix.abstention is not None:
        why, code = _short(_unsigned(fix.abstention, fix), LONGEST_SENTENCE), fix.abstention.code
        if _is_tie(fix.abstention):
            return f"{_begun(why)}: no answer ({code})."
        return _ended(f"No answer ({code}): {why}")
    return {
        "waiting": "No answer yet: a person has to choose a candidate.",
        "running": "No answer yet: the run was cut off and can be resumed.",
    }.get(fix.status, "No answer.")


def _named(candidate: FixCandidate) -> str:
    label = "no named place" if candidate.label is None else candidate.label
    word = (
        f"score {candidate.score:.2f}"
        if candidate.probability is None
        else f"probability {candidate.probability:.2f}"
    )
    return f"{candidate.rank}. {_short(label, LONGEST_LABEL)} ({word})"


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def drafted_lines(fix: Fix) -> list[str]:
    """Return a line for each clue, each hypothesis and the pictures shown; empty without a model.

    They are a model's own words, with control characters escaped.
    """
    said = [*((one.draft, one.model) for one in fix.clues)]
    said += [(one.draft, one.model) for one in fix.hypotheses]
    drafts, models = {draft for draft, _ in said}, {model for _, model in said}

    def by(draft: int, model: str) -> str:
        # One draft of one model needs no name on every line.
        names = [f"draft {draft}"] if len(drafts) > 1 else []
        names += [model] if len(models) > 1 else []
        return f" ({', '.join(names)})" if names else ""

    lines = [f"{one.kind}: {one.observation}{by(one.draft, one.model)}" for one in fix.clues]
    lines += [f"hypothesis: {one.hypothesis}{by(one.draft, one.model)}" for one in fix.hypotheses]
    if fix.pictures_shown:
        shown = (f"candidate {one.candidate}: {one.photo}" for one in fix.pictures_shown)
        lines.append(f"it was shown pictures of {'; '.join(shown)}")
    return lines


def geojson(fix: Fix) -> dict[str, Any]:
    """Return the answer as a FeatureCollection."""
    features = [] if fix.position is None else [_radius(fix.position)]
    for number, candidate in enumerate(fix.candidates):
        features.append(
            _point(
                candidate.latitude,
                candidate.longitude,
                **candidate.model_dump(mode="json", exclude={"latitude", "longitude"})
                | _role(fix, number),
            )
        )
    features += [
        _point(
            photo.latitude,
            photo.longitude,
            role="evidence",
            **photo.model_dump(mode="json", exclude={"latitude", "longitude"}),
        )
        for photo in fix.evidence
    ]
    features += [
        _point(
            photo.latitude,
            photo.longitude,
            role="known_photo",
            **photo.model_dump(mode="json", exclude={"latitude", "longitude"}),
        )
        for photo in fix.known_photos
    ]
    return {"type": "FeatureCollection", "features": features}


def _role(fix: Fix, number: int) -> dict[str, Any]:
    """Return what a candidate is; the answer has a name no finer than its radius."""
    if not fix.located or number:
        return {"role": "candidate"}
    return {"role": "fix", "label": None if fix.place is None else fix.place.label}


def _radius(position: Position) -> dict[str, Any]:
    return _feature(
        circle_geometry(position.latitude, position.longitude, position.radius_m / 1000),
        role="radius",
        **position.model_dump(mode="json", exclude={"latitude", "longitude"}),
    )


def _point(latitude: float, longitude: float, **properties: Any) -> dict[str, Any]:
    return _feature({"type": "Point", "coordinates": [longitude, latitude]}, **properties)


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}
