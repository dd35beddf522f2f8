"""The start and the end of a run: checks photo and question, and completes the answer.

Shared by the synchronous and the asynchronous facade. One thread is one photo: asking another
photo, or the same one otherwise, under an existing id is an error.

What its EXIF claims is stored beside it and joins the answer only after the graph has ended, so no
node, model or tracing service can see it, and it cannot move the answer.
"""

from __future__ import annotations

import base64
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot
from pydantic import ValidationError

from geofix.agent.answer import Claim, Code, Reason
from geofix.agent.calibration.claims import (
    NO_EXIF_PLACE,
    ClaimAsked,
    Coordinates,
    parse_claim,
    place_of,
    with_claim_checked,
)
from geofix.agent.context import Context, recursion_limit
from geofix.agent.errors import GeofixError, PhotoError, RegionError, TrailError
from geofix.agent.recording import question_of
from geofix.agent.regions import HOW_TO_WRITE, parse_region, search_areas
from geofix.agent.services import Services
from geofix.agent.state import Query, Region, Settled
from geofix.db.plain_text import one_line, require_name, short
from geofix.db.runs import QueryPhoto, QueryPhotos, Run
from geofix.db.search.query import Search
from geofix.tools.geo.distance import haversine_km
from geofix.tools.photo.read import Photo, read_photo, to_jpeg

REFERENCE = "sha256:"

MOST_DECODED = max(2, os.cpu_count() or 1)
"""Photos decoded at once: one of 120 megapixels takes 480 MB, and more than the number of cores is
no faster."""

_decoding = BoundedSemaphore(MOST_DECODED)

_HEX = re.compile("[0-9a-f]{64}")


def read_in(source: Path | str | bytes | Photo) -> QueryPhoto:
    """Read a photo in the form that is stored, without storing it.

    Args:
        source: A path, the bytes of a file, or a photo that was read already.

    Raises:
        PhotoError: It is no photo; the text says why.
    """
    with _decoding:
        photo = source if isinstance(source, Photo) else read_photo(source)
        jpeg = to_jpeg(photo.pixels)
    return QueryPhoto(
        sha256=photo.sha256,
        jpeg=jpeg,
        width=photo.width,
        height=photo.height,
        format=photo.format,
        claim=None if photo.claim is None else asdict(photo.claim),
        notes=[one_line(note) for note in photo.notes],
    )


def take_in(source: Path | str | bytes, queries: QueryPhotos) -> QueryPhoto:
    """Read a photo and store it; a photo that cannot be read is not stored.

    Args:
        source: A path, or the bytes of a file.
        queries: Where it is kept.

    Raises:
        PhotoError: It is no photo; the text says why.
    """
    photo = read_in(source)
    queries.keep(photo)
    return photo


def resolve(reference: str, queries: QueryPhotos) -> QueryPhoto:
    """Return the photo a graph was asked about.

    Args:
        reference: `sha256:<hex>` of a kept photo, or a `data:image/...;base64,` URL. Paths are
            refused: a graph may be served to strangers, and a file name must not enter its state.
        queries: Where photos are kept.

    Raises:
        PhotoError: It is neither, or the data is no photo.
        TrailError: The photo is not kept here.
    """
    if reference.startswith(REFERENCE):
        return queries.find(_sha256(reference))
    head, comma, data = reference.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64") and comma):
        raise PhotoError(
            f"the photo {reference[:60]!r} must be 'sha256:<hex>' of a stored photo or a"
            " 'data:image/jpeg;base64,' URL. To locate a file, use `locate` in Python or"
            " `geofix locate`"
        )
    try:
        photo = base64.b64decode(data, validate=True)
    # ValueError, not its child binascii.Error: letters outside ASCII raise the parent.
    except ValueError as error:
        raise PhotoError(
            f"the data URL {reference[:60]!r} is not valid base64: {error}; encode the file's"
            " bytes without line breaks"
        ) from error
    return take_in(photo, queries)


def _sha256(reference: str) -> str:
    sha256 = reference.removeprefix(REFERENCE)
    if not _HEX.fullmatch(sha256):
        raise PhotoError(
            f"the photo {reference[:80]!r} is not a valid reference; write 'sha256:' and 64"
            " lower-case hex digits"
        )
    return sha256


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was checked, and its run."""

    run: str
    query: Query
    context: Context
    claim: ClaimAsked | None = None
    """The claimed place; the place in the EXIF is read only after the graph has ended."""


def config_of(run: str, context: Context) -> RunnableConfig:
    """Return LangGraph's config of a run: its thread and its step limit."""
    return {
        "configurable": {"thread_id": run},
        "recursion_limit": recursion_limit(context),
    }


def open_question(
    services: Services,
    photo: Path | str | bytes | Photo,
    within: str | Region | None,
    run: str | None,
    options: Mapping[str, Any],
    claim: str | Coordinates | None = None,
) -> Question:
    """Check a question and open its run; nothing is written if the question is unusable.

    Raises:
        GeofixError: The photo, the region, an option, the claim, the gallery or the run id is
            unusable.
    """
    context = _context(options)
    run = uuid.uuid4().hex[:16] if run is None else require_name(run, "the thread id", TrailError)
    claimed = parse_claim(claim)
    region = parse_region(within) if isinstance(within, str) else within
    if not isinstance(region, Region | None):
        raise RegionError(f"within cannot be {region!r}; {HOW_TO_WRITE}")
    if not isinstance(photo, Path | str | bytes | Photo):
        raise PhotoError(f"the photo is a {type(photo).__name__}; give a path or bytes")
    # One that was put together by hand may be no circle, box or country.
    search_areas(None, region)
    # Built now: a model that is set up wrongly is an error, not a degraded answer.
    _ = services.model, services.price
    encoder = services.encoder
    kept = read_in(photo)
    services.gallery.require(Search(encoder=encoder.name, galleries=context.galleries))
    query = Query(photo=REFERENCE + kept.sha256, within=region, claimed=_given(claimed))
    question = question_of(region, context, claimed)
    setup = {**services.versions(), "encoder": encoder.name}
    known = services.trail.find(run)
    if known is not None:
        _require_same(known, kept.sha256, question)
        _require_setup(known, setup)
    services.queries.keep(kept)
    services.trail.open_run(run, kept.sha256, question, setup)
    return Question(run, query, context, claimed)


def reopen(services: Services, run: str) -> Question:
    """Return the question of an existing run.

    Raises:
        TrailError: There is none of that id, or it was not asked through this facade.
    """
    require_name(run, "the thread id", TrailError)
    known = services.trail.find(run)
    if known is None or known.photo_sha256 is None:
        raise TrailError(f"there is no run {run!r}; `geofix runs` lists the latest")
    _require_setup(known, {**services.versions(), "encoder": services.encoder.name})
    within = known.question.get("within")
    claimed = parse_claim(known.question.get("claim"))
    query = Query(
        photo=REFERENCE + known.photo_sha256,
        within=None if within is None else Region(**within),
        claimed=_given(claimed),
    )
    return Question(run, query, Context.kept(known.question["options"]), claimed)


def choice_of(state: StateSnapshot, rank: int | None) -> Command[Any] | None:
    """Return the value to resume a run with: a person's choice, if the run waits for one.

    Raises:
        TrailError: The choice is none of the candidates.
    """
    if not state.interrupts:
        if rank is not None:
            raise TrailError(
                f"the run is not waiting for a choice, so candidate {rank!r} was not chosen"
            )
        return None
    ranks = [candidate.rank for candidate in state.values["candidates"]]
    if rank not in {0, *ranks}:
        raise TrailError(
            f"there is no candidate {rank!r}; choose {ranks[0]} to {ranks[-1]}, or 0 if none is"
            " right"
        )
    return Command(resume={"rank": rank})


def complete_answer(services: Services, asked: Question, state: StateSnapshot) -> Settled:
    """Add the run's id and the EXIF claim to the graph's answer, and close the run."""
    values = state.values
    if state.tasks:
        return _waiting(services, asked, values)
    fields = {name: values[name] for name in Settled.model_fields if name in values}
    kept = services.queries.find(asked.query.photo.removeprefix(REFERENCE))
    fix = Settled(**fields).model_copy(
        update={"run": asked.run, "photo": asked.query.photo, "photo_notes": kept.notes}
    )
    fix = fix.model_copy(update={"claim": _claim(kept, fix)})
    if asked.claim == "exif":
        fix = _exif_checked(services, asked, fix)
    answered = services.trail.find(asked.run)
    # Settle has closed the run without what only the facade knows; asked again, it stays closed.
    if answered is None or answered.fix is None or answered.fix.get("run") is None:
        services.trail.close_run(asked.run, fix.model_dump(mode="json"))
    return fix


def _waiting(services: Services, asked: Question, values: Mapping[str, Any]) -> Settled:
    verdict = values.get("verdict")
    return Settled(
        status="waiting",
        drafted_by=services.drafted_by,
        candidates=values.get("candidates", []),
        reasons=(
            verdict.reasons
            if verdict is not None
            else [Reason.of(Code.NOT_FINISHED, "the run is not finished")]
        ),
        evidence=[],
        degraded=values.get("degraded", []),
        rounds=values.get("round", 0) + 1,
        run=asked.run,
        photo=asked.query.photo,
    )


def _claim(kept: QueryPhoto, fix: Settled) -> Claim | None:
    if kept.claim is None:
        return None
    claim = Claim(**kept.claim)
    if claim.latitude is None or claim.longitude is None:
        return claim
    if fix.latitude is None or fix.longitude is None:
        return claim
    distance = haversine_km(claim.latitude, claim.longitude, fix.latitude, fix.longitude)
    return claim.model_copy(update={"distance_km": round(float(distance), 3)})


def _given(claim: ClaimAsked | None) -> Coordinates | None:
    """Return the place that a caller claims; the place in the EXIF must not enter the graph."""
    return None if claim == "exif" else claim


def _exif_checked(services: Services, asked: Question, fix: Settled) -> Settled:
    place = place_of(asked.claim, fix.claim)
    if place is None:
        return fix.model_copy(update={"photo_notes": [*fix.photo_notes, NO_EXIF_PLACE]})
    known = services.known_calibrations
    return with_claim_checked(fix, place, known, asked.context.claim_level)


def _context(options: Mapping[str, Any]) -> Context:
    try:
        return Context(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise GeofixError(
            f"the option {name!r} cannot be {short(first.get('input'))}: {first['msg']}. The"
            f" options are {', '.join(Context.model_fields)}"
        ) from error


def _require_setup(known: Run, setup: Mapping[str, Any]) -> None:
    for name in ("drafted_by", "encoder"):
        if known.setup.get(name) != setup[name]:
            raise TrailError(
                f"the run {known.id!r} was started with {name} {known.setup.get(name)!r}, and"
                f" {name} is now {setup[name]!r}; continue with the first, or choose a new"
                " thread id"
            )


def _require_same(known: Run, sha256: str, question: Mapping[str, Any]) -> None:
    if known.photo_sha256 != sha256:
        raise TrailError(
            f"the run {known.id!r} is about another photo (sha256 {known.photo_sha256!r});"
            " choose a new thread id for this photo"
        )
    if _as_now(known.question) != dict(question):
        raise TrailError(
            f"the run {known.id!r} was started with other options ({known.question!r}); use the"
            " same options, or choose a new thread id"
        )


def _as_now(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored question with the fields that were added since."""
    within = question.get("within")
    return {
        **question,
        "within": None if within is None else Region(**within).model_dump(mode="json"),
        "options": Context.kept(question["options"]).model_dump(mode="json"),
        "claim": question.get("claim"),
    }
