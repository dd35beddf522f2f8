"""Another process that uses an embedded server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from geofix.db.embedded.server import EmbeddedServer

# Uses the server until its stdin ends; prints the URL once it has it.
PROGRAM = """
import sys
from pathlib import Path
from geofix.db.embedded.server import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])).lease(keep="keep" in sys.argv) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


class LeaseHolder:
    """Another process that holds a lease."""

    def __init__(self, data_dir: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(data_dir), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.leave()


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid
