"""review: a person decides. Only where the run asks for it, see `Context.pause`."""

from __future__ import annotations

from typing import Any

from langgraph.types import interrupt

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.fix.wording import called
from geofix.agent.run.decision import Decision, decision_about, place_meant, steered
from geofix.agent.run.recording import Outcome
from geofix.agent.run.review_request import proposed, request_for
from geofix.agent.services import Services
from geofix.agent.state import Hint, Region, State, Verdict
from geofix.agent.verify.rounds import numbered


def review(state: State, context: Context, services: Services) -> Outcome:
    """Stop until somebody resumes the run with a `Decision`; the trail keeps what was decided."""
    reads_hints = services.model is not None
    decision = interrupt(
        request_for(state), response_schema=decision_about(state, reads_hints=reads_hints)
    )
    detail = {
        "decision": decision.model_dump(mode="json", exclude={"by"}, exclude_none=True),
        "by": decision.who,
    }
    update, summary = _done(state, decision, reads_hints)
    return Outcome(update=update, summary=summary, detail=detail)


def _done(state: State, decision: Decision, reads_hints: bool) -> tuple[dict[str, Any], str]:
    """Return what a decision changes, and one line on it."""
    who = decision.who
    match decision.action:
        case "choose" | "accept":
            rank = decision.rank or state.candidates[0].rank
            return _chosen(state, rank, who), f"{who} chose candidate {rank}"
        case "stop":
            said = f"{who} chose none of the candidates"
            none = Reason.of(Code.PERSON_CHOSE_NONE, said)
            return {"verdict": Verdict(reasons=[none], decision="abstain")}, f"{who} chose none"
        case "look":
            return _look(state, decision.region, who)
        case "hint":
            words = decision.words or ""
            if not reads_hints:
                return _look(state, place_meant(words), who)
            return _hinted(state, words, who), f"{who} gave a hint: {words}"
        case "go_on":
            return _as_proposed(state), f"{who} let geofix go on"


def _chosen(state: State, rank: int, who: str) -> dict[str, Any]:
    (chosen,) = (candidate for candidate in state.candidates if candidate.rank == rank)
    first = chosen.model_copy(update={"vetoed": None, "held_back": None})
    others = [candidate for candidate in state.candidates if candidate.rank != rank]
    chose = Reason.of(Code.PERSON_CHOSE, f"{who} chose {called(first, 'this place')}")
    return {
        "verdict": Verdict(
            reasons=[chose, *_unsure(state.verdict)], decision="accept", by_person=True
        ),
        "candidates": numbered([first, *others]),
    }


def _unsure(verdict: Verdict | None) -> list[Reason]:
    """Say why geofix by itself had not given this answer; empty where it had proposed one."""
    if verdict is None or verdict.decision not in {"review", "abstain"}:
        return []
    why = verdict.reasons[0]
    return [why.model_copy(update={"text": f"geofix by itself was not sure: {why.text}"})]


def _look(state: State, region: Region | None, who: str) -> tuple[dict[str, Any], str]:
    assert region is not None
    said = f"{who} asked to look in {region.name}"
    look = Verdict(reasons=[Reason.of(Code.REGION_GIVEN, said)], decision="look")
    return {**steered(state, region, who, state.round + 1), "verdict": look}, said


def _hinted(state: State, words: str, who: str) -> dict[str, Any]:
    round_ = state.round + 1
    said = Reason.of(Code.HINT_GIVEN, f"{who} gave a hint")
    return {
        "round": round_,
        "hints": [*state.hints, Hint(words=words, round=round_, by=who)],
        "steered": state.steered + 1,
        "verdict": Verdict(reasons=[said], decision="hint"),
    }


def _as_proposed(state: State) -> dict[str, Any]:
    """Return the verdict without the person's part: an open one is an abstention or a guess."""
    assert state.verdict is not None
    if state.verdict.decision != "review":
        return {}
    return {"verdict": state.verdict.model_copy(update={"decision": proposed(state)})}
