"""The setting `threads`: a number for the process, whether torch is imported before or after."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEFORE = "import torch"
AFTER = "assert 'torch' not in sys.modules"


@pytest.mark.parametrize("first", [BEFORE, AFTER])
def test_torch_and_opencv_compute_with_the_number_that_was_set(first: str) -> None:
    code = (
        f"import sys\n{first}\n"
        "from geofix.agent.services import Services\n"
        "from geofix.agent.settings import Settings\n"
        "Services(Settings(threads=3))\n"
        "import cv2, geofix.tools.torch_loading, torch\n"
        "assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
