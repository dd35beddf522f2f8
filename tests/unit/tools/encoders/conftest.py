from __future__ import annotations

import pytest
from PIL import Image
from sklearn.datasets import load_sample_image


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    flower, china = (Image.fromarray(load_sample_image(f"{n}.jpg")) for n in ("flower", "china"))
    return [flower, china, china.crop((100, 0, 300, 400))]
