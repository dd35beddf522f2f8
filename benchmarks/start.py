"""What starting costs: whole commands, in CPU and wall seconds, beside `import langgraph.graph`.

Each command runs in turn with all others, so that what else the machine does meets all alike. Each
checkout has a database of its own, in a temporary folder, running and with the starter gallery.

    python -m benchmarks.start --against ../another-checkout
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent.parent
PARTS = ("agent", "tools", "db", "evaluation", "migrations")
SETTINGS = ("GEOFIX_", "DATABASE_URL")
PEER = "import langgraph.graph"
GEOFIX = (sys.executable, "-m", "geofix.agent.cli")


@dataclass(slots=True)
class Took:
    """What the runs of one command took, in seconds."""

    cpu_s: list[float] = field(default_factory=list)
    """User and system time, with that of children that were waited for."""
    wall_s: list[float] = field(default_factory=list)

    def run(self, command: tuple[str, ...], environ: dict[str, str]) -> None:
        """Run the command once more.

        Raises:
            CalledProcessError: It failed.
        """
        start = time.perf_counter()
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environ, stdout=quiet, stderr=quiet) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.wall_s.append(time.perf_counter() - start)
        self.cpu_s.append(used.ru_utime + used.ru_stime)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)


@contextmanager
def warm(checkout: Path) -> Iterator[tuple[dict[str, str], str]]:
    """Set a checkout up; gives the environment to run it in, and the id of a run."""
    with tempfile.TemporaryDirectory(prefix="geofix-start-") as name:
        folder = Path(name)
        # Run by root, Postgres runs as another account, which has to get in.
        folder.chmod(0o755)
        (folder / "geofix").mkdir()
        for part in PARTS:
            (folder / "geofix" / part).symlink_to(checkout.resolve() / part)
        # Older checkouts have no such folder.
        for file in checkout.resolve().glob("geofix/*.py"):
            (folder / "geofix" / file.name).symlink_to(file)
        _declare(checkout, folder)
        own = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
        environ = {**own, "PYTHONPATH": name, "GEOFIX_DATA": str(folder / "data")}

        def geofix(*words: str) -> str:
            command = (*GEOFIX, *words)
            done = subprocess.run(
                command, env=environ, check=True, stdout=subprocess.PIPE, encoding="utf-8"
            )
            return done.stdout

        geofix("db", "up")
        try:
            run = json.loads(geofix("locate", "--json"))["run"]
            yield environ, run
        finally:
            geofix("db", "down")


def _declare(checkout: Path, folder: Path) -> None:
    """Write the metadata of an installed package: a checkout's commands are declared there."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    installed = folder / f"geofix-{project['version']}.dist-info"
    installed.mkdir()
    lines = ["[geofix.commands]"]
    lines += [f"{name} = {at}" for name, at in project["entry-points"]["geofix.commands"].items()]
    (installed / "entry_points.txt").write_text("\n".join(lines))
    (installed / "METADATA").write_text(f"Name: geofix\nVersion: {project['version']}\n")


def measure(checkouts: dict[str, Path], repeats: int) -> dict[str, dict[str, Took]]:
    """Return what each command took, by checkout; the peer has the name ''."""
    took: dict[str, dict[str, Took]] = {"": {PEER: Took()}}
    with ExitStack() as stack:
        ready = {name: stack.enter_context(warm(path)) for name, path in checkouts.items()}
        for _ in range(repeats):
            took[""][PEER].run((sys.executable, "-c", PEER), dict(os.environ))
            for name, (environ, run) in ready.items():
                for words in (("--help",), ("runs",), ("trail", run), ("locate",)):
                    one = took.setdefault(name, {}).setdefault(words[0], Took())
                    one.run((*GEOFIX, *words), environ)
    return took


def main() -> None:
    """Measure this checkout, and others that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--against", type=Path, action="append", default=[], help="another checkout of geofix"
    )
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    took = measure({"": HERE} | {str(path): path for path in args.against}, args.repeats)
    peer = statistics.median(took[""][PEER].cpu_s)
    lines = [f"median of {args.repeats}{'':29} CPU s  wall s  CPU against the import"]
    for name, commands in took.items():
        for words, one in commands.items():
            shown = words if words == PEER else f"geofix {words}"
            cpu, wall = statistics.median(one.cpu_s), statistics.median(one.wall_s)
            label = shown if not name else f"{shown} ({name})"
            lines.append(f"{label:40} {cpu:6.2f}  {wall:6.2f}  x{cpu / peer:.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
