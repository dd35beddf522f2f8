from __future__ import annotations

import pytest
from PIL import Image

from tests.files import scikit_learn_photo


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    names = ("flower.jpg", "china.jpg")
    flower, china = (Image.open(scikit_learn_photo(name)).convert("RGB") for name in names)
    return [flower, china, china.crop((100, 0, 300, 400))]
