"""The start and the end of a run: the question is checked, and the answer completed.

Shared by the synchronous and the asynchronous facade. A run is one question; a thread groups runs,
and the same question asked again on its thread is the same run. LangGraph's thread of a run that
was asked through a facade is the run's id, so that runs of one thread do not meet in checkpoints.

What the photo's EXIF claims joins the answer only after the graph has ended, so it cannot move it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.utils.uuid import uuid7
from langgraph.types import Command, StateSnapshot

from geofix.agent.answer import Code, Reason
from geofix.agent.calibration.claims import (
    NO_EXIF_PLACE,
    ClaimAsked,
    Coordinates,
    exif_claim,
    parse_claim,
    place_of,
    with_claim_checked,
)
from geofix.agent.context import Context, checked_context, recursion_limit
from geofix.agent.draft.said import drafts_said
from geofix.agent.errors import AlreadyDecided, PhotoError, RegionError, TrailError
from geofix.agent.fix import Fix, FixQuestion
from geofix.agent.fix.evidence import evidence_to_compare
from geofix.agent.fix.present import present, usage_of
from geofix.agent.methods.answering import require_method
from geofix.agent.regions import HOW_TO_WRITE, parse_region, search_areas
from geofix.agent.run.decision import Answer, decision_in, state_in
from geofix.agent.run.intake import read_in
from geofix.agent.run.recording import question_of
from geofix.agent.services import Services
from geofix.agent.state import REFERENCE, Asked, Query, Region, Settled
from geofix.agent.verify.known_photos import known_photos
from geofix.db.plain_text import require_name
from geofix.db.runs import Run, RunOrigin, Step
from geofix.db.search.query import Search
from geofix.tools.photo.read import Photo


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was checked, and its run."""

    run: str
    root: str
    """LangGraph's thread: the run itself, or for a fork the run that was forked first."""
    query: Query
    context: Context
    claim: ClaimAsked | None = None
    """The claimed place; the place in the EXIF is read only after the graph has ended."""

    @property
    def config(self) -> RunnableConfig:
        """LangGraph's config of the run: its thread and its step limit."""
        return config_of(self.root, self.context)


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
    options: Mapping[str, Any],
    claim: str | Coordinates | None = None,
    *,
    thread: str | None = None,
    run: str | None = None,
) -> Question:
    """Check a question and open its run; nothing is written if the question is unusable.

    Args:
        services: To what it is put.
        photo: A path, the bytes of a file, or a photo that was read already.
        within: Where the answer has to lie.
        options: Fields of `Context`.
        claim: A place to check.
        thread: What the run is grouped by; the same question on it is the same run.
        run: Id of the run; made up if none is given.

    Raises:
        GeofixError: The photo, the region, an option, the claim, the gallery or an id is unusable.
    """
    context = checked_context(options)
    for id_, called in ((thread, "the thread id"), (run, "the run id")):
        if id_ is not None:
            require_name(id_, called, TrailError)
    claimed = parse_claim(claim)
    region = parse_region(within) if isinstance(within, str) else within
    if not isinstance(region, Region | None):
        raise RegionError(f"within cannot be {region!r}; {HOW_TO_WRITE}")
    if not isinstance(photo, Path | str | bytes | Photo):
        raise PhotoError(f"the photo is a {type(photo).__name__}; give a path or bytes")
    # One that was put together by hand may be no circle, box or country.
    search_areas(None, region)
    require_method(context, services)
    encoder = services.encoder
    kept = read_in(photo)
    services.gallery.require(Search(encoder=encoder.name, galleries=context.galleries))
    asked = Asked(within=region, context=context, claimed=_given(claimed))
    question = question_of(asked, claimed)
    setup = {**services.versions(), "encoder": encoder.name}

    def same(other: Run) -> bool:
        alike = other.photo_sha256 == kept.sha256 and _as_now(other.question) == question
        return alike and other.parent_run is None and not _changed(other, setup)

    made = str(uuid7()) if run is None else run
    origin = RunOrigin(made, made if thread is None else thread)
    opened = services.trail.open_in_thread(
        origin, kept.sha256, question, setup, same if run is None else None
    )
    # Where the id is the caller's, there may be a run of it.
    _require_same(opened, kept.sha256, question, thread)
    _require_setup(opened, setup)
    services.queries.keep(kept)
    query = Query(
        photo=REFERENCE + kept.sha256,
        within=region,
        claimed=_given(claimed),
        run=opened.id,
        thread=opened.thread,
    )
    return Question(opened.id, opened.id, query, context, claimed)


def reopen(services: Services, run: str) -> Question:
    """Return the question of an existing run.

    Raises:
        TrailError: There is none of that id, or it was not asked through this facade.
    """
    require_name(run, "the run id", TrailError)
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
        run=known.id,
        thread=known.thread,
    )
    context = Context.kept(known.question["options"])
    return Question(run, _root(services, known), query, context, claimed)


def _root(services: Services, run: Run) -> str:
    """Return the run that a run was forked from first, or itself."""
    while run.parent_run is not None and (parent := services.trail.find(run.parent_run)):
        run = parent
    return run.id


def head_of(
    states: Iterable[StateSnapshot], run: str, steps: Sequence[Step]
) -> StateSnapshot | None:
    """Return the latest state of a run; none if it is not among those given.

    Forks share the thread of their run, so that the thread's latest state can be another run's.

    Args:
        states: Of LangGraph's thread, newest first.
        run: Its id.
        steps: In its trail, in order.
    """
    known = list(states)
    # Where a process was killed before the last checkpoints were saved, an earlier step's is.
    for step in reversed(steps):
        for state in known:
            if _is_after(step, state, run):
                return state
    return None


def _is_after(step: Step, state: StateSnapshot, run: str) -> bool:
    """Say whether a run was in a state after a step, or is to take the step from it."""
    if _checkpoint(state.config) == step.checkpoint_id:
        return True
    if step.outcome != "done" or _checkpoint(state.parent_config) != step.checkpoint_id:
        return False
    asked = state.values.get("asked")
    # A run of an earlier version has not stored what was asked.
    return asked is None or (asked.run == run and state.values["step"] == step.number + 1)


def begun_anew(services: Services, run: str, state: StateSnapshot) -> StateSnapshot:
    """Return the state of a run that has no checkpoint, so that it begins anew.

    Args:
        services: With the trail.
        run: Its id.
        state: The latest of its thread.

    Raises:
        TrailError: Its thread has checkpoints, and none is the run's.
    """
    if state.created_at:
        raise TrailError(
            f"the run {run!r} has no checkpoint in this database, so it cannot go on; ask about"
            " the photo again, or resume the graph that the run was part of"
        )
    services.trail.lose_steps(run)
    return state


def _checkpoint(config: RunnableConfig | None) -> str | None:
    return None if config is None else config["configurable"].get("checkpoint_id")


def deciding(
    services: Services, run: str, answer: Answer, **more: Any
) -> Callable[[StateSnapshot], tuple[bool, Command[Any]]]:
    """Return what says how a run that waits goes on: with a person's decision.

    It raises AlreadyDecided where a person has decided before, and another GeofixError where nobody
    was asked, or the round does not offer this decision.

    Args:
        services: To the trail, and the model that would read a hint.
        run: Its id.
        answer: The decision, in any form.
        **more: Fields of `Decision` that are given apart.
    """

    def next_(snapshot: StateSnapshot) -> tuple[bool, Command[Any]]:
        if not snapshot.interrupts:
            raise _not_waiting(services, run)
        (asked,) = snapshot.interrupts
        reads_hints = services.model is not None
        decided = decision_in(state_in(snapshot), answer, reads_hints=reads_hints, **more)
        # By its id: an answer to a question that is answered already is refused by LangGraph too.
        return True, Command(resume={asked.id: decided})

    return next_


def _not_waiting(services: Services, run: str) -> TrailError:
    steps = services.trail.read(run).steps
    answered = [step for step in steps if step.node == "review" and step.outcome == "done"]
    if answered:
        return AlreadyDecided(
            f"the run {run!r} was decided before: {answered[-1].summary}; this decision was not"
            " taken. Resume the run without one to get its answer"
        )
    return TrailError(f"the run {run!r} is not waiting for a decision, so this one was not taken")


def answer_of(services: Services, asked: Question) -> Settled | None:
    """Return the answer of a finished run, with the EXIF claim added; none if it is not finished.

    The record of the run is read, and no checkpoint: that may be a fork's by now.
    """
    known = services.trail.find(asked.run)
    if known is None or known.settled is None:
        return None
    settled = Settled.model_validate(known.settled)
    kept = services.queries.find(asked.query.photo.removeprefix(REFERENCE))
    fix = settled.model_copy(
        update={"run": asked.run, "photo": asked.query.photo, "photo_notes": kept.notes}
    )
    fix = fix.model_copy(update={"claim": exif_claim(kept.claim, fix)})
    if asked.claim == "exif":
        fix = _exif_checked(services, asked, fix)
    if fix != settled:
        # Settle has closed the run without what only the facade knows.
        services.trail.close_run(asked.run, fix.model_dump(mode="json"))
    return fix


def waiting_answer(services: Services, asked: Question, snapshot: StateSnapshot) -> Settled:
    """Return what is known of a run that waits for a person, or was stopped."""
    state, waits = state_in(snapshot), bool(snapshot.interrupts)
    unfinished = [Reason.of(Code.NOT_FINISHED, "the run is not finished")]
    return Settled(
        status="waiting" if waits else "running",
        drafted_by=services.drafted_by,
        candidates=state.candidates,
        reasons=unfinished if state.verdict is None else state.verdict.reasons,
        said=drafts_said(state.drafts),
        evidence=evidence_to_compare(state.candidates, state.searches) if waits else [],
        degraded=state.degraded,
        rounds=state.round + 1,
        run=asked.run,
        photo=asked.query.photo,
        usage=usage_of(services.trail.read(asked.run).steps),
        known_photos=known_photos(
            asked.query.photo.removeprefix(REFERENCE),
            state.retrievals,
            asked.context,
            services,
        ),
    )


def fix_of(
    services: Services, asked: Question, settled: Settled, state: StateSnapshot | None = None
) -> Fix:
    """Return the public answer.

    Args:
        services: With the trail.
        asked: The question.
        settled: The whole answer.
        state: Of a run that is not finished.
    """
    known = services.trail.find(asked.run)
    assert known is not None
    identity = Asked(
        run=known.id,
        thread=known.thread,
        parent_run=known.parent_run,
        photo=asked.query.photo,
        context=asked.context,
    )
    questions = () if state is None else state.interrupts
    question = FixQuestion.of(questions[0].value) if questions else None
    steps = () if settled.usage is not None else services.trail.read(asked.run).steps
    return present(settled, identity, question=question, steps=steps)


def _given(claim: ClaimAsked | None) -> Coordinates | None:
    """Return the place that a caller claims; the place in the EXIF must not enter the graph."""
    return None if claim == "exif" else claim


def _exif_checked(services: Services, asked: Question, fix: Settled) -> Settled:
    place = place_of(asked.claim, fix.claim)
    if place is None:
        return fix.model_copy(update={"photo_notes": [*fix.photo_notes, NO_EXIF_PLACE]})
    known = services.known_calibrations
    return with_claim_checked(fix, place, known, asked.context.claim_level)


def _changed(known: Run, setup: Mapping[str, Any]) -> str | None:
    """Return what of the set-up is not as a run began with; none if it is the same."""
    return next(
        (name for name in ("drafted_by", "encoder") if known.setup.get(name) != setup[name]), None
    )


def _require_setup(known: Run, setup: Mapping[str, Any]) -> None:
    name = _changed(known, setup)
    if name is not None:
        raise TrailError(
            f"the run {known.id!r} was started with {name} {known.setup.get(name)!r}, and {name} is"
            f" now {setup[name]!r}; continue with the first, or ask as a new run"
        )


def _require_same(known: Run, sha256: str, question: Mapping[str, Any], thread: str | None) -> None:
    if known.photo_sha256 != sha256:
        raise TrailError(
            f"the run {known.id!r} is about another photo (sha256 {known.photo_sha256!r});"
            " choose a new run id for this photo"
        )
    if _as_now(known.question) != dict(question):
        raise TrailError(
            f"the run {known.id!r} was started with other options ({known.question!r}); use the"
            " same options, or choose a new run id"
        )
    if thread is not None and known.thread != thread:
        raise TrailError(
            f"the run {known.id!r} belongs to the thread {known.thread!r}, not {thread!r}; use"
            " that thread, or choose a new run id"
        )


def _as_now(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored question with the fields that were added since."""
    within = question.get("within")
    return {
        **question,
        "within": None if within is None else Region(**within).model_dump(mode="json"),
        "options": Context.kept(question.get("options", {})).model_dump(mode="json"),
        "claim": question.get("claim"),
    }
