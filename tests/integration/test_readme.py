"""The output the README shows is the output."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_sample_output_in_the_readme_is_what_locate_prints(starter_url: str) -> None:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts" / "write_docs.py")
    assert spec is not None and spec.loader is not None
    write_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(write_docs)
    done = subprocess.run(
        [sys.executable, "-m", "geofix.agent.cli", "locate"],
        env={**os.environ, "DATABASE_URL": starter_url, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert write_docs.sample_block(done.stdout) in readme, "run `make docs`"
