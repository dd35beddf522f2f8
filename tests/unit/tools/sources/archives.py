"""Pictures and archives made for a test."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from geofix.tools.photo.read import read_photo
from geofix.tools.sources import Picture, Rejected, Source, SourcePhoto
from tests.unit.tools.pictures import encoded, gradient


def jpeg(width: int = 64) -> bytes:
    return encoded(gradient(width), "JPEG")


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def zipped(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def said(**values: Any) -> bytes:
    return json.dumps(values).encode()


def photos(source: Source) -> list[SourcePhoto]:
    return [item for item in source if isinstance(item, SourcePhoto)]


def rejected(source: Source) -> list[Rejected]:
    return [item for item in source if isinstance(item, Rejected)]


def width_of(picture: Picture) -> int:
    return read_photo(picture.read()).width
