"""Photo and place are compared as GeoCLIP compares them, from its files alone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from geofix.tools.encoders import load_encoder
from geofix.tools.encoders.geoclip import load_image_place
from geofix.tools.encoders.location import LocationEncoder
from geofix.tools.errors import EncoderError
from tests.unit.tools.encoders.geoclip_files import write_package
from tests.unit.tools.encoders.tiny_models import write

PLACES = [(48.85, 2.35), (-33.86, 151.21), (0.0, -180.0), (90.0, 0.0)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> str:
    write(tmp_path / "clip", "clip-768")
    return str(tmp_path / "clip")


def photo(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_it_is_the_cosine_of_both_networks(site: Path, clip: str) -> None:
    weights = write_package(site)
    model = load_image_place(clip, device="cpu")
    # The network in torch's own layers, over features that are not normalised.
    head = torch.nn.Sequential(
        torch.nn.Linear(768, 768), torch.nn.ReLU(), torch.nn.Linear(768, 512)
    )
    head.load_state_dict(torch.load(weights / "image_encoder_mlp_weights.pth"))
    features = torch.from_numpy(load_encoder(clip, device="cpu").features([photo(1)]))  # type: ignore[attr-defined]
    assert not np.isclose(float(features.norm()), 1, atol=0.1)
    seen = torch.nn.functional.normalize(head(features), dim=1)[0].detach()
    there = LocationEncoder((weights / "location_encoder_weights.pth").read_bytes()).encode(
        *zip(*PLACES, strict=True)
    )
    expected = [float(seen @ torch.from_numpy(row / np.linalg.norm(row))) for row in there]
    vector = model.vector(photo(1))
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert model.similarity(vector, PLACES) == pytest.approx(expected, abs=1e-5)
    assert model.similarity(model.vector(photo(2)), PLACES) != pytest.approx(expected, abs=1e-3)
    assert model.similarity(vector, []) == []
    assert model.name == f"geoclip:{load_encoder(clip, device='cpu').name}"
    assert "geoclip" not in sys.modules


def test_places_far_apart_have_other_vectors_and_the_poles_have_some(site: Path) -> None:
    weights = write_package(site)
    encoder = LocationEncoder((weights / "location_encoder_weights.pth").read_bytes())
    vectors = encoder.encode(*zip(*PLACES, strict=True))
    assert vectors.shape == (4, 512) and np.isfinite(vectors).all()
    assert len({tuple(np.round(row, 3)) for row in vectors}) == 4


def test_without_the_package_the_error_says_how_to_get_it(clip: str) -> None:
    with pytest.raises(EncoderError, match=r"pip install --no-deps geoclip==1\.3\.0"):
        load_image_place(clip)


def test_damaged_weights_are_named(site: Path, clip: str) -> None:
    weights = write_package(site)
    (weights / "location_encoder_weights.pth").write_bytes(b"not weights")
    with pytest.raises(EncoderError, match=r"location_encoder_weights\.pth.* cannot be read"):
        load_image_place(clip)


def test_a_network_of_another_size_is_refused(site: Path, clip: str) -> None:
    write_package(site, given=256)
    with pytest.raises(EncoderError, match="from 768 to 256 numbers, and not 768 to 512"):
        load_image_place(clip)


def test_another_encoder_is_refused_by_its_size(site: Path, tmp_path: Path) -> None:
    write_package(site)
    write(tmp_path / "small", "clip")
    with pytest.raises(EncoderError, match="gives 24 numbers a photo where GeoCLIP takes 768"):
        load_image_place(str(tmp_path / "small"))
