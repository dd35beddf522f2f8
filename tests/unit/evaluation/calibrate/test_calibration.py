"""Promises are fitted on all answers, and kept on others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geofix.evaluation.calibrate.promises import (
    KnownAnswer,
    check_photos,
    fit_promises,
    folds_of,
    kept_of,
    promised,
)
from geofix.evaluation.run.result import EvalPhoto
from geofix.tools.errors import SourceError
from geofix.tools.sources.picture_files import MemoryPicture


def answers(count: int, places: int, seed: int = 0) -> list[KnownAnswer]:
    """Answers whose one signal says how far off they are, but for a log-normal factor."""
    rng = np.random.default_rng(seed)
    hard = rng.uniform(-1, 3.5, count)
    errors = 10 ** (hard + rng.normal(0, 0.5, count))
    return [
        KnownAnswer({"hard": float(one)}, float(min(error, 20_000)), f"place {at % places}")
        for at, (one, error) in enumerate(zip(hard, errors, strict=True))
    ]


@pytest.mark.parametrize("folds", [2, 5])
def test_every_answer_is_in_one_fold_and_places_stay_whole(folds: int) -> None:
    some = answers(700, 90)
    parted = folds_of(some, folds, seed=1)
    assert sorted(map(id, some)) == sorted(id(answer) for fold in parted for answer in fold)
    places = [{answer.group for answer in fold} for fold in parted]
    assert sum(map(len, places)) == len(set.union(*places)) == 90
    assert [len(fold) for fold in parted] == pytest.approx([700 / folds] * folds, abs=8)
    assert folds_of(some, folds, seed=1) == parted != folds_of(some, folds, seed=2)


def test_coverage_is_as_promised_on_other_places() -> None:
    promises = fit_promises(answers(3000, 300))
    assert promises.photos == 3000
    kept = kept_of([promised(promises, answers(3000, 300, seed=1))])
    for level, share in kept.coverage.items():
        assert share.value == pytest.approx(level, abs=0.03)
    assert max(kept.calibration_error.values()) < 0.06
    radii = list(kept.median_km.values())
    assert radii == sorted(radii)


def test_few_answers_with_many_idle_signals_do_not_make_the_radius_too_small() -> None:
    """A confidence knows the answers it was fitted on too well to say how hard they are."""
    covered = []
    for seed in range(2):
        promises = fit_promises(idle(200, seed))
        share = kept_of([promised(promises, idle(1000, seed + 100))]).coverage[0.9]
        covered.append(share.value)
    assert np.mean(covered) > 0.88


def idle(count: int, seed: int) -> list[KnownAnswer]:
    """The same answers, with signals that say nothing."""
    rng = np.random.default_rng(seed)
    return [
        KnownAnswer(
            {**one.signals, **{f"idle {at}": float(rng.normal()) for at in range(40)}},
            one.error_km,
            one.group,
        )
        for one in answers(count, count // 4, seed)
    ]


def test_too_few_answers_or_places_are_refused() -> None:
    with pytest.raises(SourceError, match="149 answers of 60 places are too few"):
        fit_promises(answers(149, 60))
    with pytest.raises(SourceError, match=r"400 answers of 39 places .* 150 photos of 40 places"):
        fit_promises(answers(400, 39))
    assert fit_promises(answers(400, 40)).places == 40


def test_a_walk_is_one_place_and_so_is_a_degree_without_a_name() -> None:
    def photos(count: int, **of: Any) -> list[EvalPhoto]:
        made = MemoryPicture("m", b"")
        return [
            EvalPhoto(str(at), made, 1.0, 2.0, **{key: name(at) for key, name in of.items()})
            for at in range(count)
        ]

    check_photos(photos(400, group=lambda at: f"place {at % 40}"))
    with pytest.raises(SourceError, match=r"^400 photos of 8 places are too few"):
        # Forty folders, and eight walks that go through five of them each.
        check_photos(
            photos(400, group=lambda at: f"place {at % 40}", sequence=lambda at: f"walk {at % 8}")
        )


def test_the_radius_counts_the_places_of_the_answers() -> None:
    promises = fit_promises(answers(800, 60))
    assert all(40 <= each.places <= 60 for each in promises.radius.bins)
    assert (promises.photos, promises.places) == (800, 60)
