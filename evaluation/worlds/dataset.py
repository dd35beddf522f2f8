"""A world as a data set for `geofix eval`, with pictures of numbers that an encoder reads back.

So a world goes through all of geofix as any other set of photos does: files are read, stripped,
kept as JPEG and embedded, and only the last step looks the vector up.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.evaluation.run.result import EvalPhoto
from geofix.evaluation.worlds.asking import SEEDS, load_world
from geofix.evaluation.worlds.layouts import Half
from geofix.evaluation.worlds.recipe import Scale
from geofix.evaluation.worlds.world import Size, World, make_world
from geofix.tools.encoders import Encoder
from geofix.tools.encoders.location import DIMENSION
from geofix.tools.errors import EncoderError, SourceError
from geofix.tools.once import once_property

if TYPE_CHECKING:
    from geofix.agent.services import Services


TILE_PX = 16
"""Side of a square: two of JPEG's blocks, so that black stays black."""

BITS = 20
COLUMNS = 5
LIGHT = 128


def number_picture(number: int) -> bytes:
    """Return a PNG of 80 x 128 px: 20 squares for the number, then 20 for its complement.

    Raises:
        ValueError: The number is negative or does not fit into 20 bits.
    """
    if not 0 <= number < 2**BITS:
        raise ValueError(f"no picture holds {number!r}; give a number from 0 to {2**BITS - 1}")
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    squares = np.array([*bits, *(1 - bit for bit in bits)], np.uint8).reshape(-1, COLUMNS)
    pixels = np.kron(squares, np.ones((TILE_PX, TILE_PX), np.uint8)) * 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def number_in(picture: Image.Image) -> int:
    """Return the number a picture holds.

    Raises:
        EncoderError: It holds none.
    """
    pixels = np.asarray(picture.convert("L"))
    height = 2 * BITS // COLUMNS * TILE_PX
    if pixels.shape != (height, COLUMNS * TILE_PX):
        raise EncoderError(f"a picture of shape {pixels.shape!r} is not of a simulated world")
    middles = pixels[TILE_PX // 2 :: TILE_PX, TILE_PX // 2 :: TILE_PX].ravel() > LIGHT
    bits, complement = middles[:BITS], middles[BITS:]
    if (bits == complement).any():
        raise EncoderError("the picture holds no number; it is not of a simulated world")
    return int(sum(1 << bit for bit in np.flatnonzero(bits).tolist()))


class WorldEncoder:
    """Gives the vectors of a world's queries by the numbers in their pictures."""

    dimension = DIMENSION

    def __init__(self, world: World) -> None:
        """Look vectors up in `world`."""
        self.name = world.name
        self._vectors = world.queries.vectors

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return the vectors of pictures, `[n, 512]`, L2-normalised.

        Raises:
            EncoderError: A picture holds no number, or that of no query.
        """
        numbers = [number_in(image) for image in images]
        wrong = [number for number in numbers if number >= len(self._vectors)]
        if wrong:
            raise EncoderError(
                f"the world {self.name!r} has {len(self._vectors)} queries, not number {wrong[0]!r}"
            )
        return self._vectors[numbers]


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
