"""Photos of a world as pictures: a query's number in black and white, read back by an encoder.

So a world goes through all of geofix as any other set of photos does: files are read, stripped,
kept as JPEG and embedded, and only the last step looks the vector up.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.evaluation.worlds.locations import DIMENSION
from geofix.evaluation.worlds.world import World
from geofix.tools.errors import EncoderError

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
        raise EncoderError(f"a picture of shape {pixels.shape!r} is none of a simulated world's")
    middles = pixels[TILE_PX // 2 :: TILE_PX, TILE_PX // 2 :: TILE_PX].ravel() > LIGHT
    bits, complement = middles[:BITS], middles[BITS:]
    if (bits == complement).any():
        raise EncoderError("the picture holds no number; it is none of a simulated world's")
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
