"""The prompts of two papers in words of ours: bare coordinates in, bare coordinates out.

Img2Loc (Zhou et al. 2024) and G3 (Jia et al. 2024) ask for a guess whatever happens and show
coordinates only. Theirs ask for JSON by a template with types in it; ours give the schema instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.prompts.guard import GUARD
from geofix.agent.prompts.shown import Shown, point
from geofix.agent.state import Hit


def system(shown: Shown) -> str:
    """Return the guard alone: the papers put everything into the user's message."""
    return GUARD


def img2loc(shown: Shown) -> str:
    """Return Img2Loc's question with its two lists; without photos, its question alone."""
    words = (
        "You are an expert in geo-localization. Analyze the photo and guess where it was taken."
        " Answer with coordinates and nothing else. An exact answer is not expected: give"
        " coordinates all the same."
    )
    if shown.positives:
        words += f" For reference, some similar images were taken at {_points(shown.positives)}."
    if shown.negatives:
        words += (
            f" Some dissimilar images were taken at {_points(shown.negatives)}; these should be"
            " far away."
        )
    return words + _within(shown)


def g3(shown: Shown) -> str:
    """Return G3's question: the zero-shot one, or with lists its retrieval-augmented one."""
    words = (
        "You are an expert in geo-localization who can tell the GPS coordinates of the place that"
        " an image shows."
    )
    if shown.positives:
        words += f" For your reference, similar images have these: {_points(shown.positives)}."
    if shown.negatives:
        words += f" Dissimilar images have these: {_points(shown.negatives)}."
    return (
        f"{words} Where was the photo taken? There has to be an answer: give your best guess,"
        f" latitude and longitude, and no other information.{_within(shown)}"
    )


def _points(hits: Sequence[Hit]) -> str:
    return ", ".join(f"({point(hit.latitude, hit.longitude)})" for hit in hits)


def _within(shown: Shown) -> str:
    # The papers know no regions; a finer round, or a question with one, does.
    within = shown.within()
    return "" if within is None else f" The place lies within: {within}."
