"""A virtual environment for the peers whose pins clash with ours, and how to run a script in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.geoclip_vectors import cache_folder

PACKAGES = ("langchain-postgres==0.0.19", "faiss-cpu==1.15.1", "psycopg[binary]", "numpy")


def peer_python() -> Path:
    """Return the Python of the peers' environment; the first call makes it (a minute).

    Raises:
        subprocess.CalledProcessError: It could not be made, or a package not installed.
    """
    folder = cache_folder() / "peers"
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if not done.is_file() or done.read_text() != "\n".join(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.write_text("\n".join(PACKAGES))
    return python


def run_peer(script: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run a script of this folder in the peers' environment.

    Args:
        script: Its name; it reads its options as JSON from standard input and prints JSON.
        options: JSON-able.

    Raises:
        subprocess.CalledProcessError: It failed; what it said went to standard error.
    """
    ran = subprocess.run(
        [str(peer_python()), str(Path(__file__).with_name(script))],
        input=json.dumps(options),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(options.get("threads", 1))},
    )
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result
