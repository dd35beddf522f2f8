from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_sample_image
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip import modeling_clip as clip
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.dinov2 import modeling_dinov2 as dinov2
from transformers.models.siglip import modeling_siglip as siglip
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2 import modeling_siglip2 as siglip2
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

from geofix.tools.encoders import load_encoder, snapshots
from geofix.tools.encoders.huggingface import HuggingFaceEncoder
from geofix.tools.errors import EncoderError

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WIDE = {**SIZES, "intermediate_size": 64}
SQUARE = {"image_size": 32, "patch_size": 8}
WORDS = {"vocab_size": 64, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1}
TEXT = {**WIDE, **WORDS, "pad_token_id": 1}

Made = tuple[Any, Any, Callable[[dict[str, torch.Tensor]], torch.Tensor]]


def make_siglip() -> Made:
    """SigLIP, and SigLIP 2 at a fixed resolution, whose checkpoints have this type."""
    config = siglip.SiglipConfig(text_config=TEXT, vision_config={**WIDE, **SQUARE})
    model = siglip.SiglipModel(config).eval()
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    return model, processor, lambda inputs: model.get_image_features(**inputs).pooler_output


def make_siglip_tower() -> Made:
    """A vision tower saved alone."""
    model = siglip.SiglipVisionModel(siglip.SiglipVisionConfig(**WIDE, **SQUARE)).eval()
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    return model, processor, lambda inputs: model(**inputs).pooler_output


def make_siglip2_naflex() -> Made:
    vision = {**WIDE, "patch_size": 8, "num_patches": 16}
    model = siglip2.Siglip2Model(siglip2.Siglip2Config(text_config=TEXT, vision_config=vision))
    model = model.eval()
    processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    return model, processor, lambda inputs: model.get_image_features(**inputs).pooler_output


def make_clip() -> Made:
    config = clip.CLIPConfig(
        text_config={**TEXT, "projection_dim": 24},
        vision_config={**WIDE, **SQUARE, "projection_dim": 24},
        projection_dim=24,
    )
    model = clip.CLIPModel(config).eval()
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    return model, processor, lambda inputs: model.get_image_features(**inputs).pooler_output


def make_dinov2() -> Made:
    model = dinov2.Dinov2Model(dinov2.Dinov2Config(**SIZES, **SQUARE, mlp_ratio=2)).eval()
    processor = BitImageProcessorPil(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}
    )
    return model, processor, lambda inputs: model(**inputs).last_hidden_state[:, 0]


FAMILIES = {
    "siglip": (make_siglip, 32),
    "siglip-tower": (make_siglip_tower, 32),
    "siglip2-naflex": (make_siglip2_naflex, 32),
    "clip": (make_clip, 24),
    "dinov2": (make_dinov2, 32),
}


def write(folder: Path, family: str = "siglip", seed: int = 0) -> Made:
    torch.manual_seed(seed)
    made = FAMILIES[family][0]()
    # Freshly initialized towers are so near to constant that every photo looks alike.
    with torch.no_grad():
        for weight in made[0].parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    made[0].save_pretrained(folder)
    made[1].save_pretrained(folder)
    return made


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    flower, china = (Image.fromarray(load_sample_image(f"{n}.jpg")) for n in ("flower", "china"))
    return [flower, china, china.crop((100, 0, 300, 400))]


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


def test_half_precision_comes_out_as_float32(tmp_path: Path, photos: list[Image.Image]) -> None:
    write(tmp_path)
    full = load_encoder(str(tmp_path), device="cpu").embed(photos)
    half = load_encoder(str(tmp_path), device="cpu", dtype="bfloat16").embed(photos)
    assert half.dtype == np.float32
    assert not np.array_equal(half, full)
    assert (half * full).sum(1).min() > 0.99


# Names


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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache that holds org/tiny, branch main, and no network."""
    cache = tmp_path / "hub"
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = cache / "models--org--tiny"
    write(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    (repository / "refs" / "v1").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


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


def test_a_cached_hub_model_needs_no_network(
    hub: Path, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    real = snapshots.snapshot_download

    def spy(*args: Any, **options: Any) -> str:
        asked.append(not options.get("local_files_only"))
        return real(*args, **options)

    monkeypatch.setattr(snapshots, "snapshot_download", spy)
    plain = load_encoder("org/tiny", device="cpu")
    pinned = load_encoder("org/tiny", device="cpu", revision="v1")
    recorded = load_encoder(pinned.name, device="cpu")
    assert (plain.name, pinned.name, recorded.name) == ("org/tiny", "org/tiny@v1", "org/tiny@v1")
    assert np.array_equal(plain.embed(photos), recorded.embed(photos))
    assert asked == [False, False, False]


def test_a_half_downloaded_hub_model_is_refused(hub: Path) -> None:
    for path in hub.rglob("*.safetensors"):
        path.unlink()
    with pytest.raises(EncoderError, match="'org/tiny'"):
        load_encoder("org/tiny")


# Refusals


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
