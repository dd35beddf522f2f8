"""What a person is asked while a run waits: plain JSON, in the forms that people's tools show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geofix.agent.fix.evidence import evidence_to_compare, supported_by
from geofix.agent.regions import next_look
from geofix.agent.run.decision import ACTIONS
from geofix.agent.state import State

MOST_LISTED = 20
"""Candidates in the question; those after them can be chosen too."""

TOOL = "decide"
"""What the decision is called in the requests for people's tools."""


def request_for(state: State) -> dict[str, Any]:
    """Return the question to a person, plain JSON, in the forms that people's tools show.

    `action_request`, `config` and `description` are a `HumanInterrupt`, which Agent Inbox shows;
    `action_requests` and `review_configs` are a `HITLRequest` of LangChain's middleware.
    """
    proposes = _proposal(state)
    description = _described(state, proposes)
    first = state.candidates[0].rank if state.candidates else None
    # A form that people edit: every field of a decision, those that do not apply left blank.
    args = {
        "action": "stop" if first is None else "choose",
        "rank": first,
        "region": "",
        "words": "",
        "by": "",
    }
    decisions = ["approve", "edit", "reject", "respond"]
    return {
        "question": "Where was the photo taken?",
        "proposes": proposes,
        "round": state.round + 1,
        "candidates": [
            {
                "rank": candidate.rank,
                "latitude": round(candidate.latitude, 5),
                "longitude": round(candidate.longitude, 5),
                "label": candidate.place,
                "score": round(candidate.score, 4),
                "photos": candidate.photos,
            }
            for candidate in state.candidates[:MOST_LISTED]
        ],
        "candidates_not_listed": max(0, len(state.candidates) - MOST_LISTED),
        "evidence": [
            {
                "gallery": photo.gallery,
                "photo": photo.external_id,
                "latitude": round(photo.latitude, 5),
                "longitude": round(photo.longitude, 5),
                "similarity": round(photo.similarity, 3),
                "supports": [one.rank for one in supported_by(photo, state.candidates)],
            }
            for photo in evidence_to_compare(state.candidates, state.searches)
        ],
        "actions": dict(ACTIONS),
        "action_request": {"action": TOOL, "args": args},
        "config": {
            "allow_ignore": True,
            "allow_respond": True,
            "allow_edit": True,
            "allow_accept": first is not None,
        },
        "description": description,
        "action_requests": [{"name": TOOL, "args": args, "description": description}],
        "review_configs": [
            {
                "action_name": TOOL,
                "allowed_decisions": decisions if first is not None else decisions[1:],
            }
        ],
    }


def proposed(state: State) -> str:
    """Return the decision of geofix itself: where it is undecided, none, or the guess asked for."""
    assert state.verdict is not None
    if state.verdict.decision != "review":
        return state.verdict.decision
    return "accept" if state.asked.context.best_guess else "abstain"


def _proposal(state: State) -> dict[str, Any]:
    """Return what geofix does if it is told to go on."""
    assert state.verdict is not None
    decision = proposed(state)
    proposal: dict[str, Any] = {
        "action": decision,
        "reasons": [reason.text for reason in state.verdict.reasons],
    }
    if decision == "refine" and (look := next_look(state.candidates, state.looked_within)):
        proposal["regions"] = [region.name for region in look.regions]
    return proposal


MOST_DESCRIBED = 5
"""Candidates in the description."""


def _described(state: State, proposes: Mapping[str, Any]) -> str:
    """Return the question in Markdown."""
    lines = [
        f"**Round {state.round + 1}**: geofix proposes to **{proposes['action']}**:"
        f" {_escaped(proposes['reasons'][0])}.",
        "",
        *(
            f"{candidate.rank}. {_escaped(candidate.place or 'no named place')}"
            f" ({candidate.latitude:.5f}, {candidate.longitude:.5f}), score {candidate.score:.2f}"
            for candidate in state.candidates[:MOST_DESCRIBED]
        ),
        "",
        f"Accept {'the first' if state.candidates else 'is not possible'}, ignore to do what is"
        " proposed, respond with a hint, or edit: `action` is one of"
        f" {', '.join(f'`{action}`' for action in ACTIONS)}.",
    ]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Return text without meaning in Markdown: names of places come from a data set."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|!" else sign for sign in text)
