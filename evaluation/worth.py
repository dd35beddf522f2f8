"""What features and negatives are worth: the tables of docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geofix.agent.choice.features import KINDS
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import HAND_SET
from geofix.evaluation.cases import Case
from geofix.evaluation.examples import UNTRUSTED, Seen, fit_place
from geofix.evaluation.recalled import choices, first_of, observed_of, off_km
from geofix.evaluation.standings import first_km, rescored
from geofix.evaluation.told import share_of, table

NEAR_KM = 25.0
STRENGTH = 1.0
"""Inverse regularisation of every refit: the same, so that only the feature differs."""

NEGATIVES = (0, 5, 10, 16)


def ablation(fit: Sequence[Seen], shown: Mapping[str, Sequence[Seen]]) -> str:
    """Return what is lost without each feature, of the hand-set weights and of a refit.

    Args:
        fit: Cases of other worlds, that a refit learns from.
        shown: Cases by the name of their world, with drafts.
    """
    names = list(HAND_SET.place.coefficients)
    rows = [
        [left_out or "nothing", *_near(shown, _weighed_without(left_out))]
        for left_out in (None, *names)
    ]
    lines = [
        "## Simulated worlds: what each feature is worth\n",
        f"First answer within {NEAR_KM:g} km, with simulated drafts. First of the hand-set weights,"
        " which choose where none are fitted: the weight is set to 0.\n",
        *table(["hand-set, without", *shown], rows),
        "Then of weights fitted on other simulated worlds, refitted without it each time, with one"
        f" regularisation (C = {STRENGTH:g}). The contradiction of dissimilar photos and geometry"
        " are not fitted: see `evaluation/examples.py`. Intervals overlap: most features alone are"
        " worth less than these photos can tell.\n",
    ]
    fitted = [name for name in KINDS if name not in UNTRUSTED]
    rows = []
    for left_out in (None, *fitted):
        without = [*UNTRUSTED, *([left_out] if left_out else [])]
        scorers = fit_place(fit, name="ablation", trained_on="", without=without, strength=STRENGTH)
        rows.append([left_out or "nothing", *_near(shown, scorers.place)])
    return "\n".join([*lines, *table(["refitted, without", *shown], rows)])


def _weighed_without(name: str | None) -> Scorer:
    kept = {key: value for key, value in HAND_SET.place.coefficients.items() if key != name}
    return HAND_SET.place.model_copy(update={"coefficients": kept})


def _near(shown: Mapping[str, Sequence[Seen]], scorer: Scorer) -> list[str]:
    return [
        share_of([first_km(rescored(one, scorer)) <= NEAR_KM for one in some])
        for some in shown.values()
    ]


def negatives(cases: Mapping[str, Sequence[Case]]) -> str:
    """Return what dissimilar photos are worth as evidence against a place."""
    rows = [
        [str(count), *(share_of([_right(case, count) for case in some]) for some in cases.values())]
        for count in NEGATIVES
    ]
    return "\n".join(
        [
            "## Negatives, open set (real photos) and simulated worlds\n",
            "Hand-set weights without drafts, which count dissimilar photos at a place against it;"
            f" first answer within {NEAR_KM:g} km. By strategy: negatives of the kind `far` and"
            " `none` do not enter the choice: both are the row 0, and `dissimilar` is the others."
            " What negatives in the prompt do to a model's draft is not measured here: no model was"
            " asked.\n",
            *table(["dissimilar negatives", *cases], rows),
        ]
    )


def _right(case: Case, count: int) -> bool:
    first = first_of(choices(observed_of(case, drafts=False, negatives=count), HAND_SET))
    return first is not None and off_km(case, first.latitude, first.longitude) <= NEAR_KM
