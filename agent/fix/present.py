"""From `Settled`, what a run knows, to `Fix`, what callers get.

Numbers are rounded to what they can mean, small candidates are counted, and texts are cut where the
answer would become too long: a gallery, a model or a server can write texts of any length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from geofix.agent.answer import Claim, ClaimCheck, Code, Evidence, KnownPhoto, Reason
from geofix.agent.draft.provenance import Spending
from geofix.agent.fix import drafted
from geofix.agent.fix.contract import (
    SCHEMA,
    CheckedClaim,
    Confidence,
    FileClaim,
    Fix,
    FixCandidate,
    FixClaim,
    FixEvidence,
    FixMethod,
    FixPlace,
    FixQuestion,
    Position,
    Radius,
    Usage,
)
from geofix.agent.fix.evidence import SMALL, supported_by
from geofix.agent.fix.naming import no_finer
from geofix.agent.fix.parts import FixKnownPhoto
from geofix.agent.state import Asked, Candidate, Settled
from geofix.db.plain_text import visible
from geofix.db.runs import Step
from geofix.tools.geo.distance import haversine_km
from geofix.tools.models import tokens_in_all
from geofix.tools.statistics import PLACE_KM, SCALES

MOST_CANDIDATES = 10

MOST_REASONS = 8
"""Reasons and warnings that are listed, of either."""

LONGEST = (240, 120, 60, 40)
"""Bytes of each text; the next is tried where the answer would exceed `MOST_BYTES`. With the last
it cannot, because identifiers have at most 200 characters and what models said is left out then."""

MOST_BYTES = 10_000
"""Size of an answer as JSON, the question to a person apart."""

AT_CITY = "city"
"""The scale of `FixCandidate.probability`: 25 km."""


def usage_of(steps: Sequence[Step]) -> Usage:
    """Return what a run took, by its trail; what the run that it was forked from took is not in it.

    Args:
        steps: Of the run.
    """
    spent = [
        Spending.model_validate(
            {name: step.detail[name] for name in Spending.model_fields.keys() & step.detail.keys()}
        )
        for step in steps
        if "calls" in step.detail
    ]
    costs = [one.cost_usd for one in spent]
    return Usage(
        calls=sum(one.calls for one in spent),
        tokens=sum(tokens_in_all(one.tokens) for one in spent),
        cost_usd=None if None in costs else round(sum(cost or 0.0 for cost in costs), 6),
        seconds=round(sum(step.took_ms for step in steps) / 1000, 2),
    )


def present(
    settled: Settled,
    asked: Asked,
    *,
    question: FixQuestion | None = None,
    steps: Sequence[Step] = (),
) -> Fix:
    """Return the public answer of a run.

    Args:
        settled: What the run knows.
        asked: Which run it is, and whether it lists every candidate.
        question: What a person is asked, while the run waits.
        steps: Of the run, where its answer does not say what it took, as in earlier versions.
    """
    every = asked.context.every_candidate
    for most in LONGEST:
        texts = _Texts(most)
        listed = settled.candidates if every else _worth_listing(settled)
        reasons = texts.said(settled.reasons)
        abstained = settled.status == "abstained"
        fix = Fix(
            schema=SCHEMA,
            run=asked.run,
            thread=asked.thread,
            parent_run=asked.parent_run,
            photo=asked.photo,
            status=settled.status,
            position=_position(settled),
            place=_place(settled, texts),
            confidence=_confidence(settled),
            abstention=_abstention(reasons) if abstained else None,
            question=question,
            candidates=[_candidate(one, settled, texts) for one in listed],
            candidates_not_listed=len(settled.candidates) - len(listed),
            evidence=[
                _evidence(number, photo_found, settled, listed, texts)
                for number, photo_found in enumerate(settled.evidence, start=1)
            ],
            reasons=reasons[1:] if abstained else reasons,
            warnings=texts.said(_warnings(settled)),
            claim=_claim(settled, texts),
            known_photos=[_known(one, settled, texts) for one in settled.known_photos],
            method=_method(settled, asked, texts),
            usage=settled.usage or usage_of(steps),
            clues=drafted.clues(settled.said, texts.cut),
            hypotheses=drafted.hypotheses(settled.said, texts.cut),
            pictures_shown=drafted.pictures(settled.said, texts.cut),
        )
        if every or _size(fix) < MOST_BYTES:
            return fix
    return fix.model_copy(update=drafted.NONE)


def _size(fix: Fix) -> int:
    return len(fix.model_copy(update={"question": None}).model_dump_json().encode())


@dataclass(frozen=True, slots=True)
class _Texts:
    """Cuts texts."""

    most: int
    """Bytes of each, as JSON."""

    def cut(self, text: str) -> str:
        """Return a text with control characters escaped, cut where it is too long."""
        # Cut first, because to escape a text of megabytes takes seconds.
        shown = visible(text[: self.most + 1])
        if _bytes(shown) <= self.most:
            return shown
        room = self.most - _bytes("…")
        kept = []
        for sign in shown:
            room -= _bytes(sign)
            if room < 0:
                break
            kept.append(sign)
        return "".join(kept).rstrip() + "…"

    def maybe(self, text: str | None) -> str | None:
        """Return a text, cut where it is too long, if there is one."""
        return None if text is None else self.cut(text)

    def reason(self, reason: Reason) -> Reason:
        """Return a reason with its text cut where it is too long."""
        return reason.model_copy(update={"text": self.cut(reason.text)})

    def said(self, reasons: Sequence[Reason]) -> list[Reason]:
        """Return the first reasons, and how many there are besides."""
        if len(reasons) <= MOST_REASONS:
            return [self.reason(reason) for reason in reasons]
        first = reasons[: MOST_REASONS - 1]
        more = f"and {len(reasons) - len(first)} more, which the run's trail has"
        return [*map(self.reason, first), Reason.of(Code.OTHER, more)]


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')


def _degrees(value: float) -> float:
    # Adding zero makes -0.0 plain.
    return round(value, 5) + 0.0


def _meters(distance_km: float) -> int:
    return round(distance_km * 1000)


def _position(settled: Settled) -> Position | None:
    latitude, longitude, radius_km = settled.latitude, settled.longitude, settled.radius_km
    if latitude is None or longitude is None or radius_km is None:
        return None
    radii = sorted((float(level), km) for level, km in settled.radii_km.items())
    same = [level for level, km in radii if km == radius_km]
    calibrated = settled.radius_calibrated and bool(same)
    return Position(
        latitude=_degrees(latitude),
        longitude=_degrees(longitude),
        radius_m=_radius_m(radius_km),
        radius_kind="calibrated" if calibrated else "reach",
        # Several coverages can have one radius, such as half the Earth.
        coverage=max(same) if calibrated else None,
        radii=[Radius(coverage=level, radius_m=_radius_m(km)) for level, km in radii],
    )


def _radius_m(radius_km: float) -> int:
    # Rounded up, because a smaller one would not keep its coverage; not for a float's last digit.
    return math.ceil(radius_km * 1000 - 1e-6)


def _place(settled: Settled, texts: _Texts) -> FixPlace | None:
    if settled.place is None:
        return None
    place = no_finer(settled.place, settled.radius_km or 0.0)
    if place is None:
        return None
    return FixPlace(
        label=texts.cut(place.label),
        name=texts.maybe(place.name),
        admin=texts.maybe(place.admin),
        country=texts.maybe(place.country),
        country_code=texts.maybe(place.country_code),
    )


def _confidence(settled: Settled) -> list[Confidence]:
    return [
        Confidence(scale=scale, within_km=km, probability=round(settled.confidence[scale], 3))
        for scale, km in SCALES.items()
        if scale in settled.confidence
    ]


def _abstention(reasons: Sequence[Reason]) -> Reason:
    return reasons[0] if reasons else Reason.of(Code.OTHER, "no reason was recorded")


def _worth_listing(settled: Settled) -> list[Candidate]:
    """Return the first candidate and all others that are not small."""
    first, others = settled.candidates[:1], settled.candidates[1:]
    large = [one for one in others if one.score >= SMALL]
    return [*first, *large[: MOST_CANDIDATES - 1]]


def _candidate(candidate: Candidate, settled: Settled, texts: _Texts) -> FixCandidate:
    answer = settled.status == "located" and candidate is settled.candidates[0]
    probability = settled.confidence.get(AT_CITY) if answer else None
    excluded = candidate.vetoed or candidate.held_back
    return FixCandidate(
        id=_id(candidate),
        rank=candidate.rank,
        latitude=_degrees(candidate.latitude),
        longitude=_degrees(candidate.longitude),
        label=texts.maybe(candidate.place),
        probability=None if probability is None else round(probability, 3),
        score=round(candidate.score, 3),
        photos=candidate.photos,
        distance_m=_meters(candidate.distance_km),
        excluded=None if excluded is None else texts.reason(excluded),
    )


def _id(candidate: Candidate) -> str:
    return f"c{candidate.rank}"


def _evidence(
    number: int,
    photo: Evidence,
    settled: Settled,
    listed: Sequence[Candidate],
    texts: _Texts,
) -> FixEvidence:
    return FixEvidence(
        id=f"e{number}",
        kind="gallery_photo",
        gallery=texts.cut(photo.gallery),
        source=texts.cut(photo.source),
        photo=texts.cut(photo.external_id),
        latitude=_degrees(photo.latitude),
        longitude=_degrees(photo.longitude),
        similarity=round(photo.similarity, 3),
        distance_m=_meters(photo.distance_km),
        supports=[_id(one) for one in supported_by(photo, listed)],
        contradicts=_contradicted(photo, settled),
        licence=texts.maybe(photo.licence),
        attribution=texts.maybe(photo.attribution or photo.author),
    )


def _contradicted(photo: Evidence, settled: Settled) -> list[str]:
    """Return the answer's id where a photo of another place speaks against it."""
    if settled.status != "located" or settled.radius_km is None or not settled.candidates:
        return []
    first = settled.candidates[0]
    chosen = any(one.code == Code.PERSON_CHOSE for one in settled.reasons)
    guessed = any(one.code == Code.BEST_GUESS for one in settled.degraded)
    if first.photos and not chosen and not guessed:
        # A calibrated radius can be smaller than the reach of the photos that the answer rests on.
        return []
    # A draft without photos has a radius as large as a continent, which holds what speaks against.
    reach_km = max(settled.radius_km, PLACE_KM) if first.photos else PLACE_KM
    return [_id(first)] if photo.distance_km > reach_km else []


def _warnings(settled: Settled) -> list[Reason]:
    """Return what was not done as asked, and what limits the answer's meaning."""
    calibration = settled.calibration
    found = list(settled.degraded)
    if settled.status == "located" and not settled.radius_calibrated:
        why = "no calibration was made" if calibration is None else calibration.reason
        found.append(Reason.of(Code.NOT_CALIBRATED, why or "no calibration holds for this run"))
    found += [] if calibration is None else calibration.notes
    found += [Reason.of(Code.PHOTO_NOTE, note) for note in settled.photo_notes]
    return found


def _claim(settled: Settled, texts: _Texts) -> FixClaim | None:
    if settled.claim is None and settled.claim_check is None:
        return None
    exif, check = settled.claim, settled.claim_check
    return FixClaim(
        exif=None if exif is None else _file_claim(exif, texts),
        checked=None if check is None else _checked(check, texts),
    )


def _file_claim(claim: Claim, texts: _Texts) -> FileClaim:
    return FileClaim(
        latitude=None if claim.latitude is None else _degrees(claim.latitude),
        longitude=None if claim.longitude is None else _degrees(claim.longitude),
        altitude_m=None if claim.altitude_m is None else round(claim.altitude_m, 1),
        taken_at=texts.maybe(claim.taken_at),
        camera=texts.maybe(claim.camera),
        distance_m=None if claim.distance_km is None else _meters(claim.distance_km),
    )


def _checked(check: ClaimCheck, texts: _Texts) -> CheckedClaim:
    return CheckedClaim(
        latitude=_degrees(check.latitude),
        longitude=_degrees(check.longitude),
        verdict=check.verdict,
        p_value=None if check.p_value is None else round(check.p_value, 4),
        distance_m=None if check.distance_km is None else _meters(check.distance_km),
        text=texts.cut(check.reason),
    )


def _known(photo: KnownPhoto, settled: Settled, texts: _Texts) -> FixKnownPhoto:
    away_km = None
    if settled.latitude is not None and settled.longitude is not None:
        away_km = haversine_km(photo.latitude, photo.longitude, settled.latitude, settled.longitude)
    return FixKnownPhoto(
        kind=photo.kind,
        gallery=texts.cut(photo.gallery),
        source=texts.cut(photo.source),
        photo=texts.cut(photo.external_id),
        latitude=_degrees(photo.latitude),
        longitude=_degrees(photo.longitude),
        distance_m=None if away_km is None else _meters(float(away_km)),
    )


def _method(settled: Settled, asked: Asked, texts: _Texts) -> FixMethod:
    holds = settled.radius_calibrated and settled.calibration is not None
    calibration = settled.calibration if holds else None
    return FixMethod(
        name=texts.cut(asked.context.told()),
        drafted_by=texts.cut(settled.drafted_by),
        rounds=settled.rounds,
        calibration=None if calibration is None else calibration.digest,
        calibration_places=None if calibration is None else calibration.places,
    )
