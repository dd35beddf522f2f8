"""Fitting a scorer gives back what was planted, and only that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from geofix.evaluation.calibrate.training import Example, TooFewError, fit_scorer

PLANTED = {"agreement": 2.0, "rank": -1.0, "idle": 0.0}
"""Weights on standardised features; their means and scales are 0.5 and 2 times the index."""


def examples(
    count: int = 6000, *, shuffled: str | None = None, seed: int = 0, places: int = 60
) -> list[Example]:
    rng = np.random.default_rng(seed)
    standard = rng.standard_normal((count, len(PLANTED)))
    odds = -0.5 + standard @ np.array(list(PLANTED.values()))
    label = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    for at, name in enumerate(PLANTED):
        if name == shuffled:
            standard[:, at] = rng.permutation(standard[:, at])
    values = 0.5 + standard * np.array([1.0, 3.0, 5.0])
    return [
        Example(
            dict(zip(PLANTED, row.tolist(), strict=True)), float(is_right), f"place {at % places}"
        )
        for at, (row, is_right) in enumerate(zip(values, label, strict=True))
    ]


def fitted(some: Sequence[Example], **more: object) -> dict[str, float]:
    scorer = fit_scorer(some, name="test", trained_on="made up", photos=len(some), **more)  # type: ignore[arg-type]
    return scorer.coefficients


def test_planted_weights_are_found_again() -> None:
    found = fitted(examples())
    for name, weight in PLANTED.items():
        assert found[name] == pytest.approx(weight, abs=0.15), name


def test_the_probability_is_the_share_that_was_right() -> None:
    scorer = fit_scorer(examples(), name="test", trained_on="made up", photos=6000)
    held = examples(seed=1)
    said = np.array([scorer.probability(one.parts) for one in held])
    was = np.array([one.label for one in held])
    for low in (0.0, 0.25, 0.5, 0.75):
        some = (said >= low) & (said < low + 0.25)
        assert said[some].mean() == pytest.approx(was[some].mean(), abs=0.04)


@pytest.mark.parametrize("name", ["agreement", "rank"])
def test_a_shuffled_feature_is_worth_nothing(name: str) -> None:
    found = fitted(examples(shuffled=name))
    assert found[name] == pytest.approx(0.0, abs=0.1)
    others = [other for other in ("agreement", "rank") if other != name]
    assert all(abs(found[other]) > 0.5 for other in others)


def test_a_feature_against_sense_and_one_that_never_varies_are_left_out() -> None:
    constant = [Example({**one.parts, "same": 3.0}, one.label, one.group) for one in examples()]
    found = fitted(constant, signs={"rank": 1, "agreement": 1})
    assert set(found) == {"agreement", "idle"}


def test_a_feature_can_be_ablated() -> None:
    assert set(fitted(examples(), without=["agreement"])) == {"rank", "idle"}


def test_labels_may_lie_between() -> None:
    half = [Example(one.parts, 0.25 + 0.5 * one.label, one.group) for one in examples()]
    found = fitted(half)
    assert 0.2 < found["agreement"] < 1.2


def test_the_same_examples_fit_the_same_scorer() -> None:
    one, same, other = (
        fit_scorer(examples(600, seed=seed), name="t", trained_on="x", photos=1)
        for seed in (0, 0, 1)
    )
    assert one == same
    assert one.digest != other.digest


def test_too_few_are_refused() -> None:
    with pytest.raises(TooFewError, match="a scorer needs 20 of each"):
        fitted(examples(30))
    with pytest.raises(TooFewError, match="3 places; a scorer needs 5"):
        fitted(examples(600, places=3))


def test_nothing_to_tell_by_is_refused_and_no_bug_of_the_library() -> None:
    with pytest.raises(TooFewError, match="no feature tells"):
        fitted(examples(), without=tuple(PLANTED))
    with pytest.raises(TooFewError, match="no feature tells"):
        fitted(examples(), signs={"agreement": -1, "rank": 1, "idle": -1}, without=("idle",))
