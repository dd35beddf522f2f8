"""What the drafts of a run rest on, gathered for the answer: clues, hypotheses, pictures shown."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.draft.provenance import DraftsSaid, SaidClue, SaidHypothesis, ShownPicture
from geofix.agent.state import Draft

MOST_SAID = 20
"""Clues, and hypotheses, that are gathered; the trail has all of them."""


def drafts_said(drafts: Sequence[Draft]) -> DraftsSaid:
    """Return what models said, each thing once: several samples name the same clues.

    Args:
        drafts: Of all rounds; those of the consensus say nothing.
    """
    models = [draft for draft in drafts if draft.drafted_by != CONSENSUS]
    clues: dict[str, SaidClue] = {}
    hypotheses: dict[str, SaidHypothesis] = {}
    pictures: list[ShownPicture] = []
    for number, draft in enumerate(models, start=1):
        by = {"draft": number, "model": draft.drafted_by}
        for clue in draft.clues:
            clues.setdefault(clue.observation.casefold(), SaidClue(**clue.model_dump(), **by))
        for text in draft.hypotheses:
            hypotheses.setdefault(text.casefold(), SaidHypothesis(hypothesis=text, **by))
        if draft.provenance is not None and draft.provenance.pictures:
            pictures = draft.provenance.pictures
    return DraftsSaid(
        clues=list(clues.values())[:MOST_SAID],
        hypotheses=list(hypotheses.values())[:MOST_SAID],
        pictures=pictures,
    )
