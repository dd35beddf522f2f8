"""Folders that hold no model of use, or a damaged one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from geofix.tools.encoders import load_encoder
from geofix.tools.errors import EncoderError
from tests.unit.tools.encoders.tiny_models import write


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(EncoderError) as caught:
        load_encoder(str(folder), **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("config.json", "holds no config.json"),
        ("preprocessor_config.json", "holds no preprocessor_config.json"),
        ("model.safetensors", "holds no weights"),
    ],
)
def test_an_incomplete_folder_is_refused(tmp_path: Path, gone: str, reason: str) -> None:
    write(tmp_path)
    (tmp_path / gone).unlink()
    assert reason in refusal(tmp_path)


def test_a_model_that_does_not_see_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    text = refusal(tmp_path)
    assert "is a 'bert' model, which has no vision tower" in text
    assert "siglip" in text


def test_an_unknown_model_type_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "crystal-ball"}))
    assert "cannot be loaded" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:100])
    assert "cannot be loaded" in refusal(tmp_path)


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    del weights["vision_model.encoder.layers.1.mlp.fc1.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    text = refusal(tmp_path)
    assert "lacks 1 weights of its vision tower" in text
    assert "layers.1.mlp.fc1.weight" in text


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    write(tmp_path)
    assert "leave the revision out" in refusal(tmp_path, revision="main")


def test_a_vector_that_is_not_finite_is_refused(tmp_path: Path, photos: list[Image.Image]) -> None:
    write(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    weights["vision_model.post_layernorm.bias"].fill_(float("nan"))
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="3 of 3 photos"):
        load_encoder(str(tmp_path), device="cpu").embed(photos)


def test_a_processor_of_another_model_is_refused(tmp_path: Path, photos: list[Image.Image]) -> None:
    write(tmp_path)
    SiglipImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path), device="cpu")
    with pytest.raises(EncoderError, match=r"check that its preprocessor_config\.json"):
        encoder.embed(photos)
