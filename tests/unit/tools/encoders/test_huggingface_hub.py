"""Models from the hub's cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
from PIL import Image

from geofix.tools.encoders import load_encoder, snapshots
from geofix.tools.errors import EncoderError
from tests.unit.tools.encoders.tiny_models import write


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
