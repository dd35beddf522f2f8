"""The benchmarks are no part of the installed package: their folder's parent has to be found."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
