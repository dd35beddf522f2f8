from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.encoders.batches import embed_in_batches, unit_rows
from geofix.tools.errors import EncoderError


def photos(count: int, mode: str = "RGB") -> list[Image.Image]:
    return [Image.new(mode, (40, 40), index) for index in range(count)]


def test_batches_are_bounded_ordered_and_rgb() -> None:
    seen: list[int] = []

    def first_red(batch: list[Image.Image]) -> NDArray[np.float32]:
        assert all(image.mode == "RGB" for image in batch)
        seen.append(len(batch))
        return np.array([[image.getpixel((0, 0))[0] + 1, 1] for image in batch], np.float32)

    vectors = embed_in_batches(
        photos(5, "L"), batch_size=2, dimension=2, name="x", embed_batch=first_red
    )
    assert seen == [2, 2, 1]
    assert vectors.dtype == np.float32
    assert vectors[:, 0] / vectors[:, 1] == pytest.approx([1, 2, 3, 4, 5])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_another_dimension_than_promised_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"\(2, 3\), not \(2, 4\)"):
        embed_in_batches(
            photos(2),
            batch_size=8,
            dimension=4,
            name="x",
            embed_batch=lambda batch: np.ones((len(batch), 3), np.float32),
        )


@pytest.mark.parametrize("bad", [[np.nan, 1], [np.inf, 1], [-np.inf, 1], [0, 0]])
def test_a_vector_without_direction_is_refused(bad: list[float]) -> None:
    vectors = np.array([[1, 2], bad, [3, 4]], np.float32)
    with pytest.raises(EncoderError, match=r"encoder 'x'.* 1 of 3 photos \(first at position 1\)"):
        unit_rows(vectors, name="x")


def test_huge_features_do_not_overflow() -> None:
    assert unit_rows(np.array([[3e30, 4e30]], np.float32), name="x")[0] == pytest.approx([0.6, 0.8])
