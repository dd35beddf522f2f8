"""A small simulated world is played round by round through the nodes, in a real Postgres."""

from __future__ import annotations

from benchmarks.page.rounds import play, stopped
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.evaluation.worlds.world import Size, make_world
from tests.unit.evaluation.worlds.conftest import places

__all__ = ["places"]


def test_rounds_look_closer_and_end(database_url: str, places: None) -> None:
    world = make_world("world", "test", 1, Size(3000, queries=20))
    with Services(Settings(database_url=database_url)) as services:
        played = list(play(world, 20, services))
        again = list(play(world, 20, services))
    assert [len(rounds) for rounds in played] == [len(rounds) for rounds in again]
    assert all(1 <= len(rounds) <= 4 for rounds in played)
    assert max(len(rounds) for rounds in played) > 1
    for rounds in played:
        scales = [told.scale_km for told in rounds]
        assert scales == sorted(scales, reverse=True)
        assert all(told.error_km < 20_100 and told.searching_s > 0 for told in rounds)
        assert stopped(rounds, 1, 25.0) == 1
