"""What an experiment can find is told as the literature tells it."""

from __future__ import annotations

import pytest
from scipy.stats import binom, binomtest

from geofix.evaluation.experiment.power import (
    exact_power,
    pairs_needed,
    power_by_place,
    smallest_difference,
)
from geofix.evaluation.metrics import holm


@pytest.mark.parametrize(
    ("right_once", "right_other", "pairs"),
    [
        # The checks of R's package MESS (`power_mcnemar_test`, method normal): 22 of 45 : 5 %.
        (0.45, 0.05, 22),
        # 30 : 15 %: 155 pairs by Connor 1987 (clinicaltrials-tools' calculator).
        (0.30, 0.15, 155),
    ],
)
def test_pairs_are_connors(right_once: float, right_other: float, pairs: int) -> None:
    needed = pairs_needed(right_once - right_other, right_once + right_other)
    assert needed == pytest.approx(pairs, abs=0.6)


def test_the_exact_power_is_that_of_mess_and_of_every_table_counted() -> None:
    # MESS: 144 pairs, 25 : 45 %, the exact test, one-sided at 0.025: 0.80.
    assert exact_power(144, 0.70, 0.20) == pytest.approx(0.80, abs=0.005)
    pairs, discordant, difference = 12, 0.6, 0.5
    share = (discordant + difference) / 2 / discordant
    counted = sum(
        binom.pmf(differing, pairs, discordant) * binom.pmf(lead, differing, share)
        for differing in range(1, pairs + 1)
        for lead in range(differing + 1)
        if binomtest(lead, differing).pvalue <= 0.05
    )
    assert exact_power(pairs, discordant, difference) == pytest.approx(counted)
    # Where there is no difference it finds one no more often than alpha says.
    assert exact_power(400, 0.1, 0.0) < 0.05


def test_the_smallest_difference_needs_as_many_pairs_as_there_are() -> None:
    found = smallest_difference(3_000, 0.1)
    assert found is not None and pairs_needed(found, 0.1) == pytest.approx(3_000, rel=1e-6)
    # All of few pairs that differ, all one way, are too few.
    assert smallest_difference(40, 0.05) is None and smallest_difference(0, 0.5) is None
    with pytest.raises(ValueError, match=r"0\.2 cannot come of 0\.1 discordant"):
        pairs_needed(0.2, 0.1)


def test_holms_correction() -> None:
    # Of three: times three, times two, times one, and never below one that is smaller.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_few_places_find_less_than_their_photos() -> None:
    strict = 0.05 / 60
    for alpha in (0.05, strict):
        one_each = power_by_place((1,) * 200, 0.1, 0.08, alpha=alpha)
        assert one_each == exact_power(200, 0.1, 0.08, alpha=alpha)
        # Two a place is nearly as good.
        pairs = power_by_place((2,) * 100, 0.1, 0.08, alpha=alpha)
        assert pairs == pytest.approx(one_each, abs=0.12)
        assert power_by_place((20,) * 10, 0.1, 0.08, alpha=alpha) < one_each
    # Ten places never reach so small a p-value: the smallest there is, is 2 in 1024.
    assert power_by_place((20,) * 10, 0.1, 0.08, alpha=strict) == 0
