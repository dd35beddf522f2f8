"""Asks about one photo and gathers what an evaluation reports of it.

The facade gets bytes, so no file name goes along, and strips metadata itself
(`agent/run/intake.py`): what is measured is the way every photo goes.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from geofix.agent.calibration.claims import Coordinates
from geofix.agent.context import Context
from geofix.agent.draft.consensus import CONSENSUS, consensus
from geofix.agent.errors import PhotoError
from geofix.agent.facade import Agent
from geofix.agent.methods.answering import model_words
from geofix.agent.run.opening import config_of
from geofix.agent.state import Draft, Retrieval, Settled
from geofix.evaluation.run.leaks import LeakFreeGallery
from geofix.evaluation.run.result import EvalPhoto, Result
from geofix.tools.geo.countries import countries_at
from geofix.tools.geo.distance import haversine_km
from geofix.tools.models import tokens_in_all


def thread_of(evaluation: str, photo: str) -> str:
    """Return the id of a photo's run: the same each time, and without the photo's name."""
    return f"eval-{evaluation}-{hashlib.sha256(photo.encode()).hexdigest()[:12]}"


def ask_photo(
    agent: Agent, photo: EvalPhoto, evaluation: str, options: Mapping[str, Any]
) -> Result:
    """Ask about a photo.

    Args:
        agent: An open one; its gallery may leave out leaks.
        photo: What is asked.
        evaluation: Id of the evaluation.
        options: Fields of `Context`.

    Raises:
        GeofixError: The set-up is unusable. A photo that cannot be read is a failed result.
    """
    began = time.perf_counter()
    gallery = agent.services.gallery
    try:
        data = photo.picture.read()
        sha256 = hashlib.sha256(data).hexdigest()
        if isinstance(gallery, LeakFreeGallery):
            gallery.know(sha256, photo)
        fix = agent.locate(data, run_id=thread_of(evaluation, photo.id), **options)
    except PhotoError as error:
        seconds = time.perf_counter() - began
        return Result(**_truth_of(photo), status="failed", seconds=seconds, reasons=[str(error)])
    seconds = time.perf_counter() - began
    return _gathered(agent, photo, agent.explain(fix.run), Context(**options), seconds)


def _gathered(
    agent: Agent,
    photo: EvalPhoto,
    fix: Settled,
    context: Context,
    seconds: float,
) -> Result:
    run = fix.run or ""
    values = agent.graph.get_state(config_of(run, context)).values
    retrievals: list[Retrieval] = values.get("retrievals", [])
    drafts: list[Draft] = values.get("drafts", [])
    spent, scene = values.get("spent", []), values.get("scene")
    node_ms: dict[str, float] = defaultdict(float)
    for step in agent.services.trail.read(run).steps:
        node_ms[step.node] += step.took_ms
    costs = [each.cost_usd for each in spent]
    located = fix.status == "located"
    return Result(
        **_truth_of(photo),
        **_errors(photo.truth, fix, retrievals, drafts),
        status="located" if located else "abstained",
        latitude=fix.latitude if located else None,
        longitude=fix.longitude if located else None,
        radius_km=fix.radius_km,
        radii_km=fix.radii_km,
        confidence=fix.confidence,
        seconds=seconds,
        node_ms=dict(node_ms),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
        tokens=sum(tokens_in_all(each.tokens) for each in spent),
        rounds=fix.rounds,
        scene=None if scene is None else str(getattr(scene, "kind", scene)),
        candidates=[candidate.model_dump(mode="json") for candidate in fix.candidates],
        retrievals=[retrieval.model_dump(mode="json") for retrieval in retrievals],
        drafts=[draft.model_dump(mode="json") for draft in drafts],
        excluded=_excluded(retrievals),
        abstained_for=str(fix.reasons[0].code) if fix.reasons and not located else None,
        reasons=[reason.text for reason in fix.reasons],
        degraded=[reason.text for reason in fix.degraded],
        run=run,
    )


def _excluded(retrievals: Sequence[Retrieval]) -> dict[str, int]:
    """Return how many gallery photos were left out over all rounds, by kind of leak."""
    photos: dict[str, set[int]] = defaultdict(set)
    for retrieval in retrievals:
        for leak, ids in retrieval.left_out.items():
            photos[leak].update(ids)
    counts = {leak: len(ids) for leak, ids in photos.items()}
    # The search leaves out the photo itself and says how often, not which: the same photos each
    # time, so the search that met most of them has met them all.
    own = max((part.own for retrieval in retrievals for part in retrieval.how), default=0)
    return dict(sorted({**counts, **({"hash": own} if own else {})}.items()))


def _truth_of(photo: EvalPhoto) -> dict[str, Any]:
    truth = photo.truth
    return {
        "photo": photo.id,
        "truth_latitude": truth and truth[0],
        "truth_longitude": truth and truth[1],
        "accuracy_km": photo.accuracy_km,
        "group": photo.group,
        "sequence": photo.sequence,
        "must_reject": photo.must_reject,
        "country_code": countries_at([truth[0]], [truth[1]])[0] if truth else None,
    }


def _errors(
    truth: Coordinates | None,
    fix: Settled,
    retrievals: Sequence[Retrieval],
    drafts: Sequence[Draft],
) -> dict[str, Any]:
    """Return how far off the answer, the candidates and the peers are; nothing without a truth."""
    if truth is None:
        return {}
    candidates = [(candidate.latitude, candidate.longitude) for candidate in fix.candidates]
    standing = [
        place
        for place, candidate in zip(candidates, fix.candidates, strict=True)
        if candidate.vetoed is None
    ]
    hits = retrievals[0].positives if retrievals else []
    near = [(hit.latitude, hit.longitude) for hit in hits]
    asked = any(draft.drafted_by != CONSENSUS for draft in drafts) or fix.drafted_by != CONSENSUS
    peers: dict[str, float | None] = {
        "nearest": _off_km(truth, near[:1]),
        "density": _off_km(truth, _density(retrievals)),
    }
    if asked:
        peers["model"] = _off_km(truth, _word(drafts))
    answer = fix.latitude, fix.longitude
    located = fix.status == "located" and answer[0] is not None and answer[1] is not None
    return {
        "error_km": _off_km(truth, [answer] if located else []),  # type: ignore[list-item]
        "first_km": _off_km(truth, standing[:1] or candidates[:1]),
        "peers_km": peers,
        "candidate_errors_km": _errors_km(truth, candidates),
        "neighbour_errors_km": _errors_km(truth, near),
    }


def _density(retrievals: Sequence[Retrieval]) -> list[Coordinates]:
    voted = consensus(retrievals[0]) if retrievals else None
    if voted is None or voted.latitude is None or voted.longitude is None:
        return []
    return [(voted.latitude, voted.longitude)]


def _word(drafts: Sequence[Draft]) -> list[Coordinates]:
    """Return the place the model was surest of in its first round, if it named one."""
    return [
        (one.latitude, one.longitude)
        for one in model_words(drafts)[:1]
        if one.latitude is not None and one.longitude is not None
    ]


def _errors_km(truth: Coordinates, places: Sequence[Coordinates]) -> list[float]:
    if not places:
        return []
    latitudes, longitudes = zip(*places, strict=True)
    off_km: list[float] = haversine_km(*truth, latitudes, longitudes).tolist()
    return off_km


def _off_km(truth: Coordinates, places: Sequence[Coordinates]) -> float | None:
    return next(iter(_errors_km(truth, places[:1])), None)
