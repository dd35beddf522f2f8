"""Where the files of a model are, and which revision they are. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub.constants
from huggingface_hub import snapshot_download

from geofix.tools.encoders.snapshots import beside, fingerprint, is_path, no_folder, written_folder
from geofix.tools.errors import ModelError
from geofix.tools.models.privacy import OFFLINE

_WANTED = ["*.json", "*.jinja", "*.model", "*.txt", "*.safetensors"]
_NEEDLESS = ["original/*", "consolidated*"]
"""Copies of the weights in formats of other programs."""
_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The files of one model, on this machine."""

    name: str
    """Hub id, or name of the folder."""
    revision: str
    """Commit on the hub, or fingerprint of the folder's settings and weights."""
    folder: Path


def find_checkpoint(name: str, *, download: bool, offline: bool = False) -> Checkpoint | None:
    """Find a model by folder or hub id.

    A cached copy is used as it is, without asking the hub whether its branch has moved. Write
    `hub id@revision` to be sure of one across machines.

    Args:
        name: The path of a folder, a hub id, or `hub id@revision`.
        download: Whether to fetch it from the hub where the cache lacks it.
        offline: Whether calls that leave this machine are forbidden.

    Returns:
        None if it would have to be fetched and `download` is false.

    Raises:
        ModelError: There is no such folder or hub id, its files are not complete, or it is not
            here and downloads are forbidden.
    """
    folder = written_folder(name)
    if folder is not None:
        _require_complete(folder, name)
        return Checkpoint(folder.resolve().name, fingerprint(folder), folder)
    repository, _, revision = name.partition("@")
    if is_path(name) or repository.count("/") != 1:
        raise ModelError(f"{no_folder(name)} such as 'Qwen/Qwen2.5-VL-7B-Instruct'")
    return _from_hub(repository, revision or None, name, download=download, offline=offline)


def _from_hub(
    repository: str, revision: str | None, name: str, *, download: bool, offline: bool
) -> Checkpoint | None:
    try:
        cached = Path(snapshot_download(repository, revision=revision, local_files_only=True))
        if next(_missing(cached), None) is None:
            return Checkpoint(repository, cached.name, cached)
    except OSError:
        pass  # Not in the cache: the ordinary first use. What is wrong shows below.
    except ValueError as error:
        raise _unknown(name, error) from error
    if offline or huggingface_hub.constants.HF_HUB_OFFLINE:
        raise ModelError(
            f"the model {name!r} is not on this machine, and {OFFLINE} or the variable"
            f" HF_HUB_OFFLINE forbids downloading it{beside(name)}; {_advice(name)}"
        )
    if not download:
        return None
    try:
        folder = Path(
            snapshot_download(
                repository, revision=revision, allow_patterns=_WANTED, ignore_patterns=_NEEDLESS
            )
        )
    # The hub client's own errors, those of the network and those of the disk are all OSError.
    except (OSError, ValueError) as error:
        raise _unknown(name, error) from error
    _require_complete(folder, name)
    return Checkpoint(repository, folder.name, folder)


def _advice(name: str) -> str:
    return (
        f"download it on a machine with a network (`hf download"
        f" {name.replace('@', ' --revision ')}`) and copy the cache here, or give a folder with it"
    )


def _unknown(name: str, error: Exception) -> ModelError:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ModelError(
        f"the model {name!r} could not be downloaded from the Hugging Face hub"
        f" ({reason}){beside(name)}; check the name, or {_advice(name)}"
    )


def _require_complete(folder: Path, name: str) -> None:
    missing = next(_missing(folder), None)
    if missing is not None:
        raise ModelError(
            f"the model {name!r}: {str(folder)!r} lacks {missing}; give a folder as"
            " `save_pretrained` of model and processor writes it, or download it again"
        )


def _missing(folder: Path) -> Iterator[str]:
    if not (folder / "config.json").is_file():
        yield "config.json"
    if (folder / _INDEX).is_file():
        shards = set(json.loads((folder / _INDEX).read_text())["weight_map"].values())
        yield from (shard for shard in sorted(shards) if not (folder / shard).is_file())
    elif not any(folder.glob("*.safetensors")) and not any(folder.glob("pytorch_model*.bin")):
        yield "weights (*.safetensors)"
