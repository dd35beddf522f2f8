"""What an image encoder is to the rest of geofix: a name, a size, and `embed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Encoder(Protocol):
    """Turns photos into vectors of unit length, so that a dot product is a cosine."""

    @property
    def name(self) -> str:
        """Identity of the weights; recorded with each vector, never compared across names."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embed photos.

        Args:
            images: upright photos of any size.

        Returns:
            `[n, dimension]`, each row of L2 norm 1, in the order given; `[0, dimension]` for none.

        Raises:
            EncoderError: the model failed, or gave a vector that is not finite.
        """
