"""Radius with its coverage, confidence by scale, and the claim, as a person sees them."""

from __future__ import annotations

from typing import Any

from geofix.agent.answer import Calibration, ClaimCheck, Code, Reason
from geofix.agent.cli.render import claim_line, print_fix
from geofix.agent.cli.terminal import out
from geofix.agent.fix import Fix
from geofix.agent.fix.present import present
from geofix.agent.state import Asked, Settled

PROMISED: dict[str, Any] = {
    "status": "located",
    "latitude": 48.8867,
    "longitude": 2.3431,
    "radius_km": 12.3,
    "radius_calibrated": True,
    "radii_km": {"0.5": 0.4, "0.8": 3.0, "0.9": 12.3, "0.95": 8448.0},
    "confidence": {"street": 0.62, "city": 0.91, "region": 0.91, "country": 0.95, "continent": 1},
    "calibration": Calibration(fitted=True, photos=400),
    "rounds": 1,
}


def answer(**fields: Any) -> Fix:
    settled = Settled(**{**PROMISED, **fields})
    return present(settled, Asked(run="case", thread="case", photo="sha256:0"))


def test_a_calibrated_answer_shows_its_coverage_and_its_confidence(capsys: Any) -> None:
    print_fix(answer(), out())
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:5] == [
        "48.89, 2.34",
        "within 12.3 km with 90% coverage",
        "50% within 400 m, 80% within 3.0 km, 95% within 8,448 km",
        "right within 1 km 62%, 25 km 91%, 200 km 91%, 750 km 95%, 2,500 km 100%",
    ]
    assert "not calibrated" not in "\n".join(lines).casefold()


def test_the_radius_is_of_the_highest_coverage_that_has_it(capsys: Any) -> None:
    print_fix(answer(radii_km={"0.8": 3.0, "0.9": 12.3, "0.95": 12.3}), out())
    assert "within 12.3 km with 95% coverage" in capsys.readouterr().out


def test_an_answer_that_is_not_calibrated_says_why(capsys: Any) -> None:
    drifted = {
        "radius_calibrated": False,
        "radii_km": {},
        "confidence": {},
        "calibration": Calibration(fitted=True, reason="calibrated with the encoder 'a'"),
    }
    print_fix(answer(**drifted), out())
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "48.89, 2.34 reach of the evidence: 12.3 km (not calibrated: calibrated with the"
        " encoder 'a')"
    ) in shown
    assert shown.count("calibrated with the encoder") == 1 and "coverage" not in shown
    assert "right within" not in shown


def test_a_radius_that_is_the_whole_earth_is_told(capsys: Any) -> None:
    whole = Reason.of(Code.WHOLE_EARTH, "the radius at 95% is half the Earth")
    print_fix(answer(calibration=Calibration(fitted=True, notes=[whole])), out())
    assert "Note: the radius at 95% is half the Earth" in capsys.readouterr().out


def test_a_claim_is_told_with_its_verdict_and_p_value(capsys: Any) -> None:
    check = ClaimCheck(
        latitude=-33.0,
        longitude=151.0,
        verdict="inconsistent",
        p_value=0.0123,
        distance_km=16960.0,
        reason="of [red]others",
    )
    fix = answer(claim_check=check)
    assert fix.claim is not None and fix.claim.checked is not None
    assert claim_line(fix.claim.checked) == (
        "-33.00000, 151.00000, 16,960 km from the answer: [red]inconsistent[/] (p = 0.012),"
        r" of \[red]others"
    )
    print_fix(fix, out())
    assert "The claim" in capsys.readouterr().out
