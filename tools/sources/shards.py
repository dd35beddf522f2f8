"""Which tars a path stands for."""

from __future__ import annotations

import os
import re
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.members import PACKED_TARS, TARS

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def is_tar(name: str) -> bool:
    """Say whether a file is called like a tar, compressed or not."""
    return name.lower().endswith(TARS + PACKED_TARS)


def find_shards(path: Path) -> list[Path]:
    """Return the tars in their order.

    Args:
        path: A tar, a folder of tars (not searched deeper), or `photos-{000..010}.tar`.

    Raises:
        SourceError: There is none, or one of a range is missing.
    """
    if os.path.isdir(path):
        shards = sorted(path / name for name in os.listdir(path) if is_tar(name))
        if not shards:
            raise SourceError(f"the folder {str(path)!r} holds no tar")
    else:
        shards = [Path(text) for text in expand(str(path))]
    for shard in shards:
        if not os.path.isfile(shard):
            raise SourceError(f"there is no tar {str(shard)!r}; give shards that are all there")
    return [shard.resolve() for shard in shards]


def expand(text: str) -> list[str]:
    """Return the names that `{000..010}` in a name stands for, zeros in front kept."""
    found = _RANGE.search(text)
    if found is None:
        return [text]
    first, last = found.groups()
    if int(last) < int(first):
        raise SourceError(f"the range {found[0]!r} runs backwards; the smaller number comes first")
    before, after = text[: found.start()], text[found.end() :]
    numbers = range(int(first), int(last) + 1)
    return [before + str(n).zfill(len(first)) + rest for n in numbers for rest in expand(after)]
