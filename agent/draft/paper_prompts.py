"""The prompts of three papers, in words of ours: what they show and ask, in their order.

Img2Loc (Zhou et al., SIGIR 2024; its code is github.com/Douglas2Code/Img2Loc, read at eea1de7): one
user message, words before the photo. It asks for coordinates and nothing else in whatever form, and
for a guess all the same. Its two lists are called locations of similar images, and of dissimilar
ones "that should be far away". No temperature is set. Of an answer it allows 300 tokens; we allow
more, because models that think spend them on thoughts.

G3 (Jia et al., NeurIPS 2024; its code is github.com/Applied-Machine-Learning-Lab/G3, read at
246233f): as Img2Loc, but it asks for JSON with `latitude` and `longitude`, says that there has to
be an answer, and words the prompt without lists differently. Temperature 1.2, at most 200 tokens.
Its code asks for ten answers to each prompt and compares the first five of them. Its own request
for JSON is written as a template with types in it; models copy those, so the fields are named
instead, and the schema goes along.

Street-level RAG (Bicakci, Shingleton and Basiri 2025, arXiv 2509.01341): of this paper we could
read the abstract only: prompts hold both similar and dissimilar geolocation information retrieved
by SigLIP from EMP-16 and OSV-5M. It tells neither how many of either, nor the wording, the
temperature and the form of the answer, so those here are ours: as many as the run retrieves,
coordinates only, one answer, no temperature, JSON.

What all three have of us: the guard as system message, a region where the question has one, and
five decimals of every coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.draft.lists import Shown, point
from geofix.agent.draft.prompts import GUARD
from geofix.agent.state import Hit

JSON_POINT = (
    "Answer with one JSON object with the fields latitude and longitude, both in decimal degrees,"
    " and with nothing else."
)


def paper_system(shown: Shown) -> str:
    """Return the guard alone: the papers put everything into the user's message."""
    return GUARD


def no_lists(shown: Shown) -> str:
    """Return nothing: these prompts name their lists inside the question."""
    return ""


def img2loc(shown: Shown) -> str:
    """Return Img2Loc's question with its two lists; without photos, its question alone."""
    words = (
        "You are an expert in geo-localization. Analyze this image and guess where it was taken."
        " Answer at the level of coordinates, and put nothing else into your answer. An exact"
        " answer is not needed: give coordinates all the same."
    )
    if shown.positives:
        words += (
            f" For reference, these are locations of similar images: {_points(shown.positives)}"
        )
    if shown.positives and shown.negatives:
        words += (
            f" and these are locations of dissimilar images, which should be far away:"
            f" {_points(shown.negatives)}"
        )
    return words + ("." if shown.positives else "") + _within(shown)


def g3(shown: Shown) -> str:
    """Return G3's question: the zero-shot one, or with lists its retrieval-augmented one."""
    best = "There has to be an answer: give your best guess, and do not say that you cannot."
    if not shown.positives:
        words = (
            "You are an expert in geo-localization who can tell the GPS coordinates of a place from"
            " an image. Tell the location of this image."
        )
        return f"{words}{_within(shown)} {best} {JSON_POINT}"
    words = (
        "You are an expert in geo-localization. Analyze this image and guess its location, as a"
        " latitude and a longitude. For your reference, these are coordinates of similar images:"
        f" {_points(shown.positives)}"
    )
    if shown.negatives:
        words += f", and these are coordinates of dissimilar images: {_points(shown.negatives)}"
    return f"{words}.{_within(shown)} {best} {JSON_POINT}"


def street_level(shown: Shown) -> str:
    """Return a question with the places of similar and of dissimilar photos, worded by us."""
    words = "Find out where this street-level photo was taken."
    if shown.positives:
        words += f" Photos that look similar were taken at: {_points(shown.positives)}."
    if shown.negatives:
        words += f" Photos that look dissimilar were taken at: {_points(shown.negatives)}."
    return f"{words}{_within(shown)} Where was the photo taken? {JSON_POINT}"


def _points(hits: Sequence[Hit]) -> str:
    return ", ".join(f"({point(hit.latitude, hit.longitude)})" for hit in hits)


def _within(shown: Shown) -> str:
    # The papers know no regions; a finer round, or a question with one, does.
    within = shown.within()
    return "" if within is None else f" The place lies within: {within}."
