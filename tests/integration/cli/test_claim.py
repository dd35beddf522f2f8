"""`geofix locate --claim`, from the shell's side."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import Geofix, fix_of


def test_a_claim_is_answered_and_kept_with_the_question(geofix: Geofix, starter_url: str) -> None:
    asked = ("locate", "--run", "case", "--claim", "-33.8568,151.2153")
    claim = fix_of(geofix(*asked, "--json", url=starter_url)).claim
    assert claim is not None and claim.checked is not None
    check = claim.checked
    assert (check.latitude, check.longitude) == (-33.8568, 151.2153)
    assert check.verdict == "undecidable" and "geofix calibrate" in check.text
    again = geofix("resume", "case", url=starter_url).out
    assert "The claim" in again and "undecidable" in again
    other = geofix("locate", "--run", "case", "--claim", "1,2", url=starter_url)
    assert other.code != 0 and "started with other options" in other.said


@pytest.mark.parametrize("claim", ["Paris", "48.9", "91,0"])
def test_what_is_no_claim_is_told_before_anything_is_opened(geofix: Geofix, claim: str) -> None:
    done = geofix("locate", "--claim", claim)
    assert done.code != 0
    assert claim.split(",")[0] in done.said and "cannot be reached" not in done.said


def test_a_coverage_that_no_radius_has_is_refused(geofix: Geofix, starter_url: str) -> None:
    done = geofix("locate", "--coverage", "0.7", url=starter_url)
    assert done.code != 0
    assert "0.5, 0.8, 0.9, 0.95" in done.said
