"""The parts of an answer that tell what models were shown and said.

A model writes texts of any length, so few are listed, and each is cut.
"""

from __future__ import annotations

from collections.abc import Callable

from geofix.agent.draft.provenance import DraftsSaid
from geofix.agent.fix.parts import Part

MOST_CLUES = 6
"""Clues that are listed; the run's trail has all of them."""

MOST_HYPOTHESES = 4

NONE: dict[str, list[Part]] = {"clues": [], "hypotheses": [], "pictures_shown": []}
"""Where the answer would exceed its size even with the shortest texts."""

Cut = Callable[[str], str]
"""Cuts a text where it is too long for the answer."""


class FixClue(Part):
    """Something that a model says it saw in the photo. Nobody checked it."""

    kind: str
    """`text`, `landmark`, `building`, `road`, `vehicle`, `vegetation`, `terrain`, `sun`, `people`
    or `other`. Later versions may add kinds."""
    observation: str
    """What is seen, and what it says about the place."""
    draft: int
    """Number of the run's draft that named it first, from 1."""
    model: str
    """As `provider:model`."""


class FixHypothesis(Part):
    """A place that a model considered."""

    hypothesis: str
    """The place, with what speaks for and against it."""
    draft: int
    """Number of the run's draft that has it first, from 1."""
    model: str
    """As `provider:model`."""


class FixPicture(Part):
    """A gallery photo that a model was shown as the picture of a candidate."""

    candidate: int
    """Number of the candidate in the prompt, from 1. Its rank in the answer can be another."""
    gallery: str
    """Name of the gallery that has the photo."""
    photo: str
    """Id of the photo at its source."""


def clues(said: DraftsSaid, cut: Cut) -> list[FixClue]:
    """Return the first clues."""
    return [
        FixClue(
            kind=one.kind, observation=cut(one.observation), draft=one.draft, model=cut(one.model)
        )
        for one in said.clues[:MOST_CLUES]
    ]


def hypotheses(said: DraftsSaid, cut: Cut) -> list[FixHypothesis]:
    """Return the first hypotheses."""
    return [
        FixHypothesis(hypothesis=cut(one.hypothesis), draft=one.draft, model=cut(one.model))
        for one in said.hypotheses[:MOST_HYPOTHESES]
    ]


def pictures(said: DraftsSaid, cut: Cut) -> list[FixPicture]:
    """Return the gallery photos that were shown."""
    return [
        FixPicture(candidate=one.candidate, gallery=cut(one.gallery), photo=cut(one.external_id))
        for one in said.pictures
    ]
