from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geofix.agent.answer import Calibration, Claim
from geofix.agent.calibration.claims import check_claim, parse_claim, place_of
from geofix.agent.calibration.promise import Fitted
from geofix.agent.errors import RegionError
from geofix.agent.state import Settled
from geofix.evaluation.calibrate.reliability_fit import fit_confidence
from geofix.tools.statistics.conformal import fit_radius
from tests.simulated_answers import answers
from tests.sphere import destination
from tests.unit.agent.calibrations import fitted

PARIS = (48.8867, 2.3431)


def answer(known: Fitted, difficulty: float | None = None, **changes: Any) -> Settled:
    if difficulty is None:
        difficulty = known.confidence.difficulty({"log_odds": 0.0})
    given: dict[str, Any] = {
        "status": "located",
        "latitude": PARIS[0],
        "longitude": PARIS[1],
        "radius_km": 91.0,
        "radius_calibrated": True,
        "calibration": Calibration(fitted=True, difficulty=difficulty),
    }
    return Settled(**{**given, **changes})


def away(distance_km: float) -> tuple[float, float]:
    return destination(*PARIS, 77.0, distance_km)


@pytest.mark.parametrize(
    ("distance_km", "verdict", "p_value"),
    [(0, "consistent", 1.0), (94.5, "consistent", 7 / 101), (96.5, "inconsistent", 5 / 101)],
)
def test_a_claim_is_held_against_errors_of_held_out_photos(
    distance_km: float, verdict: str, p_value: float
) -> None:
    known = fitted()
    check = check_claim(answer(known), away(distance_km), known, level=0.05)
    assert (check.verdict, check.p_value) == (verdict, pytest.approx(p_value))
    assert check.distance_km == pytest.approx(distance_km, abs=0.01)


def test_a_stricter_level_calls_less_inconsistent() -> None:
    known = fitted()
    assert check_claim(answer(known), away(96.5), known, level=0.04).verdict == "consistent"


def test_where_nearly_any_place_would_agree_a_claim_is_undecidable() -> None:
    far = (*range(1, 91), *range(3000, 13000, 1000))
    known = fitted(errors_km=tuple(map(float, far)))
    inside = check_claim(answer(known), away(1), known, level=0.05)
    assert (inside.verdict, inside.p_value) == ("undecidable", None)
    assert "nearly any place would agree" in inside.reason
    # The radius at 50 % is small enough to agree with something.
    assert check_claim(answer(known), away(1), known, level=0.5).verdict == "consistent"
    # What is outside even that radius is inconsistent all the same.
    assert check_claim(answer(known), away(15_000), known, level=0.05).verdict == "inconsistent"


def test_too_few_errors_for_the_level_decide_nothing() -> None:
    known = fitted(errors_km=tuple(float(km) for km in range(1, 11)))
    assert check_claim(answer(known), away(19_000), known, level=0.05).verdict == "undecidable"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"latitude": None, "longitude": None, "status": "abstained"}, "abstained"),
        (
            {
                "radius_calibrated": False,
                "calibration": Calibration(fitted=True, reason="the gallery grew"),
            },
            "not calibrated: the gallery grew",
        ),
        ({"radius_calibrated": False, "calibration": None}, "no calibration was made"),
    ],
)
def test_without_a_promise_a_claim_is_undecidable(changes: dict[str, Any], says: str) -> None:
    known = fitted()
    check = check_claim(answer(known, **changes), away(19_000), known, level=0.05)
    assert (check.verdict, check.p_value) == ("undecidable", None)
    assert says in check.reason


def test_a_calibration_that_is_gone_decides_nothing() -> None:
    check = check_claim(answer(fitted()), away(19_000), "calibration 3 is gone", level=0.05)
    assert (check.verdict, check.reason) == ("undecidable", "calibration 3 is gone")


def test_true_claims_are_called_inconsistent_no_more_often_than_the_level() -> None:
    model = fit_confidence(*answers(1000, seed=21))
    held, errors = answers(2000, seed=22)
    radius = fit_radius(errors, [model.difficulty(one) for one in held])
    known = fitted(radius=radius, confidence=model)
    signals, truth = answers(2000, seed=23)
    for level in (0.05, 0.2):
        verdicts = [
            check_claim(answer(known, model.difficulty(one)), away(off), known, level).verdict
            for one, off in zip(signals, truth.tolist(), strict=True)
        ]
        alarms = float(np.mean([verdict == "inconsistent" for verdict in verdicts]))
        # Three standard errors, of the fitted quantile and of the trial.
        slack = 3 * (level * (1 - level) * 2 / 2000) ** 0.5
        assert level - slack - 8 / 2000 <= alarms <= level + slack
        assert verdicts.count("consistent") > 200
    # And a false claim, 3,000 km from the truth, is found out more often than that.
    far = away(3000)
    found = [
        check_claim(answer(known, model.difficulty(one)), far, known, 0.05).verdict
        for one in signals
    ]
    assert found.count("inconsistent") / len(found) > 0.1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("48.8867, 2.3431", PARIS),
        ("-33,151", (-33.0, 151.0)),
        ((1, 2), (1.0, 2.0)),
        ([1.5, 2.5], (1.5, 2.5)),
        ("exif", "exif"),
        (None, None),
    ],
)
def test_claims_are_read(written: Any, read: Any) -> None:
    assert parse_claim(written) == read


@pytest.mark.parametrize("written", ["Paris", "1,2,3", "91,0", "", (1,), 7, "1;2", "nan,0"])
def test_what_is_no_claim_is_refused(written: Any) -> None:
    with pytest.raises(RegionError):
        parse_claim(written)


@pytest.mark.parametrize("written", ["1" * 10**6 + ",0", (10**5000, 0)])
def test_an_endless_claim_is_refused_and_not_repeated(written: Any) -> None:
    with pytest.raises(RegionError, match="write LAT,LON") as error:
        parse_claim(written)
    assert len(str(error.value)) < 200


def test_the_exif_is_looked_at_only_where_it_is_asked_for() -> None:
    exif = Claim(latitude=1.0, longitude=2.0)
    assert place_of("exif", exif) == (1.0, 2.0)
    assert place_of(PARIS, exif) == PARIS
    assert place_of(None, exif) is None
    assert place_of("exif", Claim(camera="x")) is None
    assert place_of("exif", None) is None
