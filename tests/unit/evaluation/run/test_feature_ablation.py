"""What an ablation leaves out is left out at both levels."""

from __future__ import annotations

from geofix.agent.verify.scorers import HAND_SET, Scorers
from geofix.evaluation.run.ablations import leaving_out


def test_a_feature_of_spots_is_left_out_of_weights_set_by_hand_too() -> None:
    shipped = Scorers(place=HAND_SET.place)
    ablated = leaving_out(shipped, ("spot_rank", "likeness"))
    kept = shipped.of_spots.coefficients.keys() - {"spot_rank"}
    assert ablated.of_spots.coefficients.keys() == kept
    assert "likeness" not in ablated.place.coefficients
