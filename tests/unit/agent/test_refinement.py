from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from geofix.agent.context import Context
from geofix.agent.regions import LADDER_KM, circle, next_look, round_sizes
from tests.unit.agent.candidate import candidate
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS

SHARP = {"share_1_km": 0.3, "share_25_km": 0.9, "share_200_km": 0.9}


def test_a_sharp_search_skips_levels() -> None:
    look = next_look([candidate(PARIS, 0.9, scale_km=25.0, **SHARP)], None)
    assert look is not None
    assert look.region.radius_km == 25.0
    assert look.rival is None


def test_where_no_level_is_sure_the_majority_decides() -> None:
    shares = {"share_200_km": 0.3, "share_750_km": 0.6, "share_2500_km": 0.7}
    look = next_look([candidate(PARIS, 0.5, scale_km=750.0, **shares)], None)
    assert look is not None
    assert look.region.radius_km == 750.0


def test_every_look_is_narrower_than_the_one_before() -> None:
    first = candidate(PARIS, 0.9, scale_km=25.0, **SHARP)
    assert next_look([first], circle(*PARIS, 25.0)) is None
    narrower = next_look([first], circle(*PARIS, 200.0))
    assert narrower is not None
    assert narrower.region.radius_km == 25.0


def test_a_runner_up_keeps_its_place_until_it_is_beaten() -> None:
    first = candidate(PARIS, 0.8, scale_km=25.0, **SHARP)
    close = next_look([first, candidate(BERLIN, 0.4)], None)
    assert close is not None
    assert close.rival == circle(*BERLIN, 25.0, "25 km around 52.5189, 13.4004")
    assert close.regions == (close.region, close.rival)
    beaten = next_look([first, candidate(BERLIN, 0.39)], None)
    assert beaten is not None
    assert beaten.rival is None


def test_what_lies_in_the_circle_is_no_rival() -> None:
    first = candidate(PARIS, 0.8, scale_km=200.0, share_200_km=0.9)
    look = next_look([first, candidate(CHARTRES, 0.7), candidate(BERLIN, 0.6)], None)
    assert look is not None
    assert look.rival is not None
    assert look.rival.latitude == BERLIN[0]


def test_the_closest_look_is_at_one_corner() -> None:
    street = {"share_0.1_km": 0.85, "share_1_km": 0.95, "share_25_km": 1.0}
    look = next_look([candidate(PARIS, 0.9, scale_km=1.0, **street)], circle(*PARIS, 1.0))
    assert look is not None
    assert look.region == circle(*PARIS, 0.1, "100 m around 48.8867, 2.3431")
    assert next_look([candidate(PARIS, 0.9, scale_km=1.0, **street)], look.region) is None


def test_what_is_vetoed_is_neither() -> None:
    first = candidate(PARIS, 0.8, scale_km=25.0, **SHARP)
    look = next_look([candidate(BERLIN, 0.9, vetoed="in the sea"), first], None)
    assert look is not None
    assert look.region.latitude == PARIS[0]
    assert look.rival is None
    assert next_look([candidate(BERLIN, 0.9, vetoed="in the sea")], None) is None


def test_a_place_known_nowhere_has_no_finer_look() -> None:
    assert next_look([candidate(PARIS, 0.3, scale_km=20_000.0, share_2500_km=0.4)], None) is None


@given(
    shares=st.lists(st.floats(0, 1), min_size=len(LADDER_KM), max_size=len(LADDER_KM)).map(sorted),
    level=st.sampled_from([None, *LADDER_KM]),
)
def test_looks_end(shares: list[float], level: float | None) -> None:
    parts = {f"share_{km:g}_km": share for km, share in zip(sorted(LADDER_KM), shares, strict=True)}
    known = next(
        (km for km, share in zip(sorted(LADDER_KM), shares, strict=True) if share > 0.5), 20_000.0
    )
    searched = None if level is None else circle(*PARIS, level)
    looks = 0
    while (
        look := next_look([candidate(PARIS, 0.5, scale_km=known, **parts)], searched)
    ) is not None:
        searched, looks = look.region, looks + 1
        assert looks <= len(LADDER_KM)


def test_each_round_asks_for_more_neighbours_and_fewer_far_ones() -> None:
    assert [round_sizes(Context(), round_) for round_ in range(3)] == [(16, 16), (32, 8), (64, 4)]
    assert round_sizes(Context(positives=150, negatives=1), 2) == (200, 0)
    assert round_sizes(Context(positives=200), 1)[0] == 200
