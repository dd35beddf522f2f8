"""A world as a data set for `geofix eval`: its own gallery and encoder, pictures of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from geofix.evaluation.eval_photo import EvalPhoto
from geofix.evaluation.worlds.kept import SEEDS
from geofix.evaluation.worlds.layouts import Half
from geofix.evaluation.worlds.loading import load_world
from geofix.evaluation.worlds.pictures import WorldEncoder, number_picture
from geofix.evaluation.worlds.recipe import Scale
from geofix.evaluation.worlds.world import Size, World, make_world
from geofix.tools.encoders import Encoder
from geofix.tools.errors import SourceError
from geofix.tools.once import once_property

if TYPE_CHECKING:
    from geofix.agent.services import Services


@dataclass(frozen=True, slots=True)
class NumberPicture:
    """The picture of a query of a world."""

    world: str
    number: int

    @property
    def location(self) -> str:
        """Its world and number."""
        return f"{self.world}/{self.number}"

    def read(self) -> bytes:
        """Return the bytes of a PNG."""
        return number_picture(self.number)


class WorldDataset:
    """The queries of a world; nothing is made before it is asked for."""

    left_out: Sequence[str] = ()
    options: Mapping[str, Any] = MappingProxyType({"reject_scenes": False})
    """Squares in black and white show no place."""

    def __init__(self, scale: Scale, half: Half, seed: int, size: Size | None = None) -> None:
        """Take the arguments of `make_world`."""
        self._arguments = (scale, half, seed, size)

    @once_property
    def world(self) -> World:
        """The world, made."""
        return make_world(*self._arguments)

    @property
    def name(self) -> str:
        """The world's."""
        return self.world.name

    @property
    def galleries(self) -> tuple[str, ...]:
        """Its own alone."""
        return (self.name,)

    @once_property
    def encoder(self) -> Encoder:
        """Looks vectors up by the numbers in pictures."""
        return WorldEncoder(self.world)

    @once_property
    def photos(self) -> Sequence[EvalPhoto]:
        """Its queries, in order."""
        spots = self.world.spots
        return [
            EvalPhoto(
                id=str(number),
                picture=NumberPicture(self.name, number),
                latitude=float(spots.latitude[spot]),
                longitude=float(spots.longitude[spot]),
                group=str(spots.group[spot]),
                sequence=None if spots.sequence[spot] < 0 else f"walk {spots.sequence[spot]}",
            )
            for number, spot in enumerate(self.world.queries.spots.tolist())
        ]

    def prepare(self, services: Services) -> None:
        """Load the world's gallery, unless it is there."""
        load_world(self.world, services.ingest)


def open_world(name: str) -> WorldDataset:
    """Return the test world of a scale, or with `:train` behind it the one for training.

    Raises:
        SourceError: There is no such world.
    """
    scale, _, half = name.partition(":")
    half = half or "test"
    for known in get_args(Scale):
        for part in get_args(Half):
            if (known, part) == (scale, half):
                return WorldDataset(known, part, SEEDS[part])
    raise SourceError(
        f"there is no world {name!r}; there is 'street', 'city' and 'world', each with ':train' too"
    )
