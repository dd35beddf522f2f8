"""Pictures that end the process that reads them; a module, since workers have to import it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from geofix.tools.sources import FolderSource, Rejected, SourcePhoto


@dataclass(frozen=True)
class DeadlyPicture:
    """Kills its reader, as running out of memory would: always, or until `once` is there."""

    path: Path
    once: Path | None = None

    @property
    def location(self) -> str:
        return str(self.path)

    def read(self) -> bytes:
        if self.once is None or not self.once.exists():
            if self.once is not None:
                self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.path.read_bytes()


class DeadlySource(FolderSource):
    """A folder, one of whose pictures is deadly."""

    def __init__(self, folder: Path, *, deadly: str) -> None:
        super().__init__(folder)
        self._deadly = deadly

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        for item in super().__iter__():
            if isinstance(item, SourcePhoto) and item.external_id == self._deadly:
                yield replace(item, picture=DeadlyPicture(Path(item.picture.location)))
            else:
                yield item
