"""Intervals against published values, and tests of two runs against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.evaluation.metrics import (
    mcnemar,
    paired_bootstrap,
    share_by_place,
    wilson,
)

RIGHT = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def test_wilson_is_the_published_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20, method 3.
    told = wilson(81, 263)
    assert (told.low, told.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    none = wilson(0, 20)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_no_photo_has_no_share_and_an_impossible_one_is_refused() -> None:
    assert math.isnan(wilson(0, 0).value)
    with pytest.raises(ValueError, match="5 of 4"):
        wilson(5, 4)


def test_mcnemar_is_the_exact_binomial() -> None:
    a = [True] * 9 + [False] + [True] * 5
    b = [False] * 9 + [True] + [True] * 5
    told = mcnemar(a, b)
    assert (told.only_a, told.only_b) == (9, 1)
    # 2 (C(10, 0) + C(10, 1)) / 2^10
    assert told.p_value == pytest.approx(22 / 1024)
    assert mcnemar(b, b).p_value == 1.0


def test_mcnemar_exchanges_the_runs_place_by_place() -> None:
    a, b = [True] * 6 + [False] * 2, [False] * 6 + [True] * 2
    # Leads of 3, 3 and -2: of the eight sums by sign, those at least 4 away are 8, 4, -4 and -8.
    told = mcnemar(a, b, [0, 0, 0, 1, 1, 1, 2, 2])
    assert (told.only_a, told.only_b, told.p_value) == (6, 2, pytest.approx(4 / 8))
    assert mcnemar(a, b).p_value < 0.3


def test_the_interval_of_photos_that_share_a_place_counts_places() -> None:
    right = np.arange(400) < 320
    alone = share_by_place(right, None)
    assert alone == pytest.approx(wilson(320, 400))
    # Twenty a place, all right or all wrong: as if there were 20 photos.
    together = share_by_place(right, np.arange(400) // 20)
    twenty = wilson(16, 20)
    assert (together.low, together.high) == pytest.approx((twenty.low, twenty.high), abs=0.02)
    assert together.photos == 400
    # Places that are all right tell no spread: each counts once.
    sure = share_by_place(np.ones(400, bool), np.arange(400) // 20)
    assert sure[:3] == pytest.approx(wilson(20, 20)[:3])


def test_places_are_weighed_alike_where_asked() -> None:
    right, places = [True] * 9 + [False], [0] * 9 + [1]
    assert share_by_place(right, places).value == 0.9
    assert share_by_place(right, places, alike=True).value == 0.5


def test_the_bootstrap_is_paired_and_the_same_by_seed() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(400)
    told = paired_bootstrap(hard + 0.1, hard, seed=3)
    # Photos differ much, the runs always by the same: unpaired the interval would be wide.
    assert told.low == pytest.approx(0.1) and told.high == pytest.approx(0.1)
    noisy = hard + rng.normal(0, 1, 400)
    assert paired_bootstrap(noisy, hard, seed=3) == paired_bootstrap(noisy, hard, seed=3)
    assert paired_bootstrap(noisy, hard, seed=3) != paired_bootstrap(noisy, hard, seed=4)


def test_photos_of_one_sequence_are_no_independent_witnesses() -> None:
    a, b = [True] * 50 + [False] * 50, [False] * 50 + [True] * 50
    walks = [0] * 50 + [1] * 50
    alone, together = (paired_bootstrap(a, b, seed=1, groups=groups) for groups in (None, walks))
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_runs_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(ValueError, match="pair up"):
        mcnemar([True], [True, False])
    with pytest.raises(ValueError, match="pair up"):
        paired_bootstrap([1.0], [1.0, 2.0], seed=0)


@given(RIGHT)
def test_who_is_first_does_not_matter(pairs: list[tuple[bool, bool]]) -> None:
    a, b = zip(*pairs, strict=True)
    ours, theirs = mcnemar(a, b), mcnemar(b, a)
    assert ours.p_value == pytest.approx(theirs.p_value) and 0 < ours.p_value <= 1
    share = wilson(sum(a), len(a))
    assert 0 <= share.low <= share.value <= share.high <= 1
