"""Where the files of a model are: a local folder, the hub's cache, or the hub; and their name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, snapshot_download

from geofix.tools.errors import EncoderError
from geofix.tools.models.privacy import OFFLINE

_DESCRIPTIONS = ("config.json", "preprocessor_config.json", "processor_config.json")
_SAFE, _PICKLED = "*.safetensors", "pytorch_model*.bin"
_BLOCK = 64 * 1024
_BLOCKS = 16


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one model, on this machine."""

    name: str
    """Identity of the weights: hub id, `hub id@revision`, or `folder name@fingerprint`."""

    folder: Path
    """Holds config.json, the image processor's settings and the weights."""


def find_snapshot(name: str, revision: str | None, *, offline: bool = False) -> Snapshot:
    """Find a model by folder or hub id; download it where the cache lacks it.

    A cached copy is used as it is, without asking the hub whether its branch has moved: a
    gallery must not change its encoder between two runs. Pin `revision` to be sure across
    machines.

    Args:
        name: the path of a folder (see `is_path`), a hub id, or `hub id@revision` as a `Snapshot`
            records it.
        revision: branch, tag or commit on the hub; None is the default branch.
        offline: whether calls that leave this machine are forbidden.

    Raises:
        EncoderError: no such folder or hub id, no network, or files are missing from it.
    """
    folder = written_folder(name)
    if folder is not None:
        if revision is not None:
            raise EncoderError(
                f"{name!r} is a folder and has no revision {revision!r}; leave the revision out"
            )
        _check_files(folder, name)
        return Snapshot(f"{folder.resolve().name}@{fingerprint(folder)}", folder)
    if is_path(name) or name.count("/") > 1:
        raise EncoderError(no_folder(name))
    repository, _, pinned = name.partition("@") if revision is None else (name, "", revision)
    label = f"{repository}@{pinned}" if pinned else repository
    return Snapshot(label, _from_hub(repository, pinned or None, label, offline))


def is_path(name: str) -> bool:
    """Tell whether a model's name is written as a path: from `/`, `./`, `../` or `~`.

    `google/siglip2-base` is a hub id wherever geofix is run: a folder of that name among somebody's
    photos must not become the model.
    """
    written = name.startswith((".", "/", "~")) or "\\" in name
    return written or Path(name).is_absolute()


def written_folder(name: str) -> Path | None:
    """Return the folder that a model's name is the path of; none if it is none."""
    folder = Path(name).expanduser()
    return folder if is_path(name) and folder.is_dir() else None


def no_folder(name: str) -> str:
    """Return what is wrong with a name that is neither the path of a folder nor a hub id."""
    if not is_path(name):
        path = f"./{name}"
        return f"{name!r} is no hub id; write a folder as a path, {path!r} or from '/', or a hub id"
    if Path(name).expanduser().exists():
        return f"{name!r} is a file; give the folder that holds config.json"
    return f"there is no folder {name!r}; give one that holds a model, or a hub id"


def beside(name: str) -> str:
    """Return a hint where a file or folder of a hub id's name lies in the working folder."""
    there = Path(name).exists()
    return f"; for the folder of that name here write {'./' + name!r}" if there else ""


def _from_hub(repository: str, revision: str | None, label: str, offline: bool) -> Path:
    try:
        cached = Path(snapshot_download(repository, revision=revision, local_files_only=True))
        if _missing(cached) is None:
            return cached
    except OSError:
        pass  # Not in the cache: the ordinary first use. What is wrong shows below.
    except ValueError as error:
        raise _unknown(label, error) from error
    if offline:
        raise EncoderError(
            f"encoder {label!r} is not on this machine whole, and {OFFLINE} forbids asking"
            f" {constants.ENDPOINT}{beside(label)}; turn it off, or give the path of a folder that"
            " holds the encoder"
        )
    try:
        wanted = ["*.json", _SAFE]
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
        if not list(folder.glob(_SAFE)):
            snapshot_download(repository, revision=revision, allow_patterns=[_PICKLED])
    # The hub client's own errors, those of the network and those of the disk are all OSError.
    except (OSError, ValueError) as error:
        raise _unknown(label, error) from error
    _check_files(folder, label)
    return folder


def _unknown(label: str, error: Exception) -> EncoderError:
    reason = str(error).strip().splitlines()[0]
    return EncoderError(
        f"encoder {label!r} could not be had from the Hugging Face "
        f"hub ({reason}){beside(label)}; check the name, download it where there is a network "
        f"(`hf download {label.replace('@', ' --revision ')}`), or give a folder that holds it"
    )


def _check_files(folder: Path, name: str) -> None:
    missing = _missing(folder)
    if missing is not None:
        raise EncoderError(
            f"encoder {name!r}: {str(folder)!r} holds no {missing}; give a folder as "
            "`save_pretrained` of model and image processor writes it, or download it again"
        )


def _missing(folder: Path) -> str | None:
    if not (folder / "config.json").is_file():
        return "config.json"
    if not any((folder / name).is_file() for name in _DESCRIPTIONS[1:]):
        return "preprocessor_config.json"
    return None if _weight_files(folder) else "weights (*.safetensors)"


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(_SAFE)) or sorted(folder.glob(_PICKLED))


def fingerprint(folder: Path) -> str:
    """Twelve hex digits of what a folder's vectors depend on, the same wherever it is moved.

    Hashes the settings whole, and of each weight file its name, its size and up to 16 blocks of
    64 KiB, the first and the last among them: weights of gigabytes cost a millisecond or so.
    """
    digest = hashlib.sha256()
    for name in _DESCRIPTIONS:
        if (folder / name).is_file():
            digest.update(name.encode() + b"\0" + (folder / name).read_bytes())
    for path in _weight_files(folder):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            for part in range(_BLOCKS):
                file.seek(max(size - _BLOCK, 0) * part // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:12]
