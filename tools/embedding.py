"""From pictures not read yet to vectors, in one step: what a machine of a cluster does.

A pure function of its batch and the encoder; it knows no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geofix.tools.decoding import Decoded, Outcome, Task, decode
from geofix.tools.encoders import Encoder, load_encoder


class Loadable(Protocol):
    """What an encoder is made from where it runs; small and picklable."""

    def load(self) -> Encoder:
        """Load the encoder."""
        ...


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The arguments of `load_encoder`."""

    name: str
    device: str | None = None
    dtype: str | None = None
    batch_size: int | None = None
    revision: str | None = None

    def load(self) -> Encoder:
        """Load the encoder; see `load_encoder`."""
        return load_encoder(
            self.name,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            revision=self.revision,
        )


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a batch of pictures is."""

    outcomes: list[Outcome]
    """One a picture, without pixels."""
    vectors: NDArray[np.float32]
    """Of shape [n, dimension] and unit length: a row for each picture, in order, that was decoded
    and whose vector is not stored yet."""


def embed_pictures(tasks: Sequence[Task], encoder: Encoder) -> Embedded:
    """Read, decode and embed pictures.

    Raises:
        EncoderError: The encoder failed.
    """
    outcomes = [decode(task) for task in tasks]
    pixels = [o.pixels for o in outcomes if isinstance(o, Decoded) and o.pixels is not None]
    bare = [replace(o, pixels=None) if isinstance(o, Decoded) else o for o in outcomes]
    return Embedded(bare, encoder.embed(pixels))
