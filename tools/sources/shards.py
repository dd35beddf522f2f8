"""Which tars a path stands for."""

from __future__ import annotations

import os
import re
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.members import PACKED_TARS, TARS

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")

MOST_SHARDS = 100_000
"""That a name may stand for: the largest public sets have some tens of thousands."""

MOST_DIGITS = 9


def is_tar(name: str) -> bool:
    """Say whether a file is called like a tar, compressed or not."""
    return name.lower().endswith(TARS + PACKED_TARS)


def find_shards(path: Path) -> list[Path]:
    """Return the tars in their order.

    Args:
        path: A tar, a folder of tars (not searched deeper), or `photos-{000..010}.tar`.

    Raises:
        SourceError: There is none, one of a range is missing, or a range has more than 100,000.
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
    if max(len(first), len(last)) > MOST_DIGITS:
        raise SourceError(
            f"the range {found[0][:40]!r} has a number of more than {MOST_DIGITS} digits; name at"
            f" most {MOST_SHARDS:,} shards"
        )
    if int(last) < int(first):
        raise SourceError(f"the range {found[0]!r} runs backwards; the smaller number comes first")
    before, after = text[: found.start()], text[found.end() :]
    numbers = range(int(first), int(last) + 1)
    # Checked before what follows is expanded: ranges multiply.
    rests = expand(after) if len(numbers) <= MOST_SHARDS else []
    if not 0 < len(numbers) * len(rests) <= MOST_SHARDS:
        raise SourceError(
            f"{text!r} stands for more than {MOST_SHARDS:,} shards; name a folder of them, or"
            " ingest a part at a time"
        )
    return [before + str(n).zfill(len(first)) + rest for n in numbers for rest in rests]
