"""What an answer tells of its drafts: each clue once, by whom, and never of the consensus."""

from __future__ import annotations

from typing import Any

from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.draft.provenance import Clue, Provenance, ShownPicture
from geofix.agent.draft.said import MOST_SAID, drafts_said
from geofix.agent.state import Draft

SHOWN = [ShownPicture(candidate=1, gallery="g", source="s", external_id="x")]


def draft(*clues: str, by: str = "openai:tiny", **fields: Any) -> Draft:
    seen = [Clue(kind="text", observation=clue) for clue in clues]
    given: dict[str, Any] = {"round": 0, "drafted_by": by, "latitude": None, "longitude": None}
    return Draft(**given, clues=seen, **fields)


def test_each_thing_is_said_once_with_the_draft_that_said_it_first() -> None:
    made = Provenance(preset="geofix", prompt_version="5", neighbours=1, sample=1, pictures=SHOWN)
    said = drafts_said(
        [
            draft("not heard", by=CONSENSUS),
            draft("a dome", hypotheses=["Paris"], provenance=made),
            draft("A dome", "a tram", hypotheses=["Paris", "Lyon"], by="openai:other"),
        ]
    )
    assert [(one.observation, one.draft, one.model) for one in said.clues] == [
        ("a dome", 1, "openai:tiny"),
        ("a tram", 2, "openai:other"),
    ]
    assert [(one.hypothesis, one.draft) for one in said.hypotheses] == [("Paris", 1), ("Lyon", 2)]
    assert said.pictures == SHOWN


def test_many_drafts_do_not_fill_an_answer() -> None:
    said = drafts_said([draft(*(f"{i} {j}" for j in range(20))) for i in range(20)])
    assert len(said.clues) == MOST_SAID
    assert drafts_said([]).model_dump() == {"clues": [], "hypotheses": [], "pictures": []}
