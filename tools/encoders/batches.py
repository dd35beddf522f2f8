"""From photos in batches to rows of unit length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.errors import EncoderError


def embed_in_batches(
    images: Sequence[Image.Image],
    *,
    batch_size: int,
    dimension: int,
    name: str,
    embed_batch: Callable[[list[Image.Image]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Run `embed_batch` over RGB photos and normalise what it gives.

    Args:
        images: photos of any mode; converted to RGB where they are not.
        batch_size: most photos in one call of `embed_batch`.
        dimension: length of one vector.
        name: the encoder's, for the error's text.
        embed_batch: maps n RGB photos to `[n, dimension]`, of any norm.

    Returns:
        `[n, dimension]`, each row of L2 norm 1.

    Raises:
        EncoderError: a vector is not finite, has no length, or has another dimension.
    """
    vectors = np.empty((len(images), dimension), dtype=np.float32)
    for start in range(0, len(images), batch_size):
        batch = [_rgb(image) for image in images[start : start + batch_size]]
        rows = embed_batch(batch)
        if rows.shape != (len(batch), dimension):
            raise EncoderError(
                f"encoder {name!r} gave vectors of shape {rows.shape}, not "
                f"{(len(batch), dimension)}; the model and its config.json do not fit together"
            )
        vectors[start : start + len(batch)] = rows
    return unit_rows(vectors, name=name)


def unit_rows(vectors: NDArray[np.float32], *, name: str) -> NDArray[np.float32]:
    """Scale each row of `[n, d]` to L2 norm 1.

    Raises:
        EncoderError: a row is not finite or has no length.
    """
    # float64, since the squares of large finite float32 features overflow to infinity.
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(norms[:, 0]) | (norms[:, 0] == 0))
    if bad.size:
        raise EncoderError(
            f"encoder {name!r} gave an unusable vector for {bad.size} of {len(vectors)} photos "
            f"(first at position {int(bad[0])}): not finite, or of zero length; "
            "load it with dtype 'float32'"
        )
    unit: NDArray[np.float32] = (vectors / norms).astype(np.float32)
    return unit


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")
