"""How docs/evaluation.md tells whether radius and confidence keep their word."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.signals import signals_of
from geofix.evaluation.calibration import Answer
from geofix.evaluation.cross_calibration import cross_kept
from geofix.evaluation.examples import Seen
from geofix.evaluation.recalled import first_of
from geofix.evaluation.splits import places_of
from geofix.evaluation.standings import first_km
from geofix.evaluation.told import distance
from geofix.tools.errors import SourceError

EXACT_KM = 1.0
"""A truth known less exactly cannot say how far off a street is."""

HEAD = """## Radius and confidence

Each photo's first answer, abstained from or not, held out once: a fifth of the places at a time,
with radius and confidence fitted on the other four. Every place counts once, and intervals are by
place. In brackets after a calibration error: what a confidence that is exactly right would have
shown with as many places, from photos that are right or wrong each by itself to all photos of a
place together.
"""


def promises_told(title: str, some: Sequence[Seen]) -> str:
    """Return the section on one set of cases."""
    cases = [one.case for one in some]
    places = places_of(cases, [case.photo for case in cases])
    answers = [
        Answer(signals_of(first, one.candidates, one.case.retrieval), first_km(one), place)
        for one, place in zip(some, places, strict=True)
        if (first := first_of(one.candidates)) is not None and one.case.accuracy_km <= EXACT_KM
    ]
    try:
        kept = cross_kept(answers)
    except SourceError as error:
        return f"### {title}\n\nNot calibrated: {error}.\n"
    lines = [
        f"### {title}: {kept.answers} answers of {kept.places} places\n",
        "| promised | truth inside | median radius |",
        "|---|---|---|",
        *(
            f"| {level:.0%} | {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
            f" | {distance(kept.median_km[level])} |"
            for level, share in kept.coverage.items()
        ),
    ]
    told = ", ".join(
        f"{name} {error:.3f} ({low:.3f} to {high:.3f})"
        for name, error in kept.calibration_error.items()
        for low, high in [kept.error_by_chance[name]]
    )
    return "\n".join([*lines, f"\nExpected calibration error: {told}.\n"])
