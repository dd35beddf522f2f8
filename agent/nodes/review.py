"""review: a person chooses among close candidates. Only where the run asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from langgraph.types import interrupt
from pydantic import BaseModel, Field, create_model

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Candidate, State, Verdict
from geofix.agent.verify.rounds import numbered


class Pick(BaseModel):
    """A person's choice."""

    rank: int = Field(description="Rank of the candidate chosen; 0 if none is right.")


def pick_of(candidates: Sequence[Candidate]) -> type[Pick]:
    """Return the schema of a choice among candidates; LangGraph refuses every other rank."""
    ranks = (0, *(candidate.rank for candidate in candidates))
    offered: Any = Literal.__getitem__(ranks)
    described = Field(description=Pick.model_fields["rank"].description)
    return create_model("Pick", __base__=Pick, rank=(offered, described))


def review(state: State, context: Context, services: Services) -> Outcome:
    """Stop until somebody resumes the run with a `Pick`; the trail keeps what was chosen."""
    pick = interrupt(
        {
            "question": "Which candidate is right?",
            "candidates": [candidate.model_dump(mode="json") for candidate in state.candidates],
        },
        response_schema=pick_of(state.candidates),
    )
    chosen = [candidate for candidate in state.candidates if candidate.rank == pick.rank]
    if not chosen:
        none = Reason.of(Code.PERSON_CHOSE_NONE, "a person chose none of the candidates")
        verdict = Verdict(reasons=[none], decision="abstain")
        return Outcome(update={"verdict": verdict}, summary="a person chose none")
    first = chosen[0].model_copy(update={"vetoed": None, "held_back": None})
    others = [candidate for candidate in state.candidates if candidate.rank != pick.rank]
    chose = Reason.of(Code.PERSON_CHOSE, f"a person chose {first.place or 'this place'}")
    verdict = Verdict(reasons=[chose], decision="accept", by_person=True)
    return Outcome(
        update={"verdict": verdict, "candidates": numbered([first, *others])},
        summary=f"a person chose candidate {pick.rank}",
        detail={"pick": pick.rank},
    )
