"""A world brings its own gallery, and no other is searched in its name."""

from __future__ import annotations

import pytest

from geofix.agent.errors import OptionError
from geofix.evaluation.datasets import PhotoSet, galleries_for
from geofix.evaluation.worlds.dataset import WorldDataset
from geofix.evaluation.worlds.world import Size


def test_a_world_is_not_searched_for_in_another_gallery() -> None:
    world = WorldDataset("world", "test", 1, Size(3000, queries=20))
    assert galleries_for(world, ()) == (world.name,)
    with pytest.raises(OptionError, match="has a gallery of its own, so 'mine' cannot be searched"):
        galleries_for(world, ("mine",))


def test_another_set_is_searched_for_where_it_is_asked() -> None:
    photos = PhotoSet("mine", [], [])
    assert galleries_for(photos, ["a", "b"]) == ("a", "b") and galleries_for(photos, ()) == ()
