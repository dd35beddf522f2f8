"""Towers of every family: their vectors, and the names they go by."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from geofix.tools.encoders import load_encoder
from geofix.tools.encoders.huggingface import HuggingFaceEncoder
from tests.fakes import both
from tests.unit.tools.encoders.tiny_models import FAMILIES, write


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tower_gives_what_the_model_gives(
    family: str, tmp_path: Path, photos: list[Image.Image]
) -> None:
    _, processor, features = write(tmp_path / family, family)
    encoder = load_encoder(str(tmp_path / family), device="cpu")
    assert isinstance(encoder, HuggingFaceEncoder)
    assert encoder.dimension == FAMILIES[family][1]

    vectors = encoder.embed(photos)
    assert vectors.shape == (3, encoder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)

    inputs = dict(processor(images=photos, return_tensors="pt"))
    prepared = encoder.prepare(photos)
    assert prepared.keys() == inputs.keys()
    assert all(torch.equal(prepared[name], inputs[name]) for name in inputs)
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(features(inputs)).numpy()
    assert vectors == pytest.approx(expected, abs=1e-5)
    assert (vectors @ vectors.T)[0, 1] < 0.999


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_equals_one_by_one_and_itself(
    family: str, tmp_path: Path, photos: list[Image.Image]
) -> None:
    write(tmp_path, family)
    encoder = load_encoder(str(tmp_path), device="cpu", batch_size=2)
    together = encoder.embed(photos)
    alone = np.concatenate([encoder.embed([photo]) for photo in photos])
    assert together == pytest.approx(alone, abs=1e-5)
    assert np.array_equal(together, encoder.embed(photos))
    assert encoder.embed([]).shape == (0, encoder.dimension)


@pytest.mark.parametrize("family", FAMILIES)
def test_several_threads_embed_at_once(
    family: str, tmp_path: Path, photos: list[Image.Image]
) -> None:
    write(tmp_path, family)
    encoder = load_encoder(str(tmp_path), device="cpu")
    alone = [encoder.embed([photo]) for photo in photos] * 4
    meet = Barrier(4, timeout=20)

    def each() -> list[Any]:
        meet.wait()
        return [encoder.embed([photo]) for photo in photos]

    at_once = [rows for found in both(*[each] * 4) for rows in found]
    assert np.concatenate(at_once) == pytest.approx(np.concatenate(alone), abs=1e-5)


def test_half_precision_comes_out_as_float32(tmp_path: Path, photos: list[Image.Image]) -> None:
    write(tmp_path)
    full = load_encoder(str(tmp_path), device="cpu").embed(photos)
    half = load_encoder(str(tmp_path), device="cpu", dtype="bfloat16").embed(photos)
    assert half.dtype == np.float32
    assert not np.array_equal(half, full)
    assert (half * full).sum(1).min() > 0.99


def test_the_name_moves_with_the_folder_and_follows_its_contents(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    name = load_encoder(str(tmp_path / "tiny"), device="cpu").name
    folder, _, digits = name.partition("@")
    assert folder == "tiny"
    assert len(digits) == 12
    shutil.move(tmp_path / "tiny", tmp_path / "elsewhere" / "tiny")
    moved = tmp_path / "elsewhere" / "tiny"
    assert load_encoder(str(moved), device="cpu").name == name

    write(tmp_path / "other" / "tiny", seed=1)
    assert load_encoder(str(tmp_path / "other" / "tiny"), device="cpu").name != name

    settings = moved / "preprocessor_config.json"
    settings.write_text(settings.read_text().replace("0.5", "0.4"))
    assert load_encoder(str(moved), device="cpu").name != name


def test_weights_that_differ_in_one_middle_block_differ_in_name(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    name = load_encoder(str(tmp_path / "tiny"), device="cpu").name
    path = tmp_path / "tiny" / "model.safetensors"
    weights = load_file(path)
    weights["vision_model.encoder.layers.1.mlp.fc1.bias"] += 1
    save_file(weights, path, metadata={"format": "pt"})
    assert load_encoder(str(tmp_path / "tiny"), device="cpu").name != name


def test_loading_says_nothing_about_the_text_tower(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    records: list[logging.LogRecord] = []
    listener = logging.Handler()
    listener.emit = records.append  # type: ignore[method-assign]
    # transformers' own handler holds the stderr of when it was imported: capfd cannot see it.
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.addHandler(listener)
    capfd.readouterr()
    try:
        load_encoder(str(tmp_path), device="cpu")
    finally:
        logger.removeHandler(listener)
    assert [record.getMessage() for record in records] == []
    assert capfd.readouterr() == ("", "")
    assert logger.level == level
