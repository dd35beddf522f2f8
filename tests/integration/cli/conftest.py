"""The command line as a shell sees it: exit code, standard output, standard error."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from geofix.agent.cli import main
from geofix.agent.fix import Fix
from geofix.db.engine import parse_url

UNREACHABLE = "postgresql://ann:s3cret@127.0.0.1:1/geofix"
"""No server listens there."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What an error was, whose line a narrow box may have broken."""
        return " ".join(self.err.replace("│", " ").split())


def fix_of(done: Done) -> Fix:
    """Return the one JSON object that standard output is."""
    return Fix.model_validate_json(done.out)


Geofix = Callable[..., Done]


@pytest.fixture
def geofix(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Geofix:
    """Run a command inside this process, from `main` on."""

    def run(*args: str | Path, url: str = UNREACHABLE, **environ: str) -> Done:
        monkeypatch.setenv("DATABASE_URL", url)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["geofix", *map(str, args)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as raised:
            main()
        code = raised.value.code
        assert isinstance(code, int)
        printed = capfd.readouterr()
        assert "Traceback" not in printed.err
        return Done(code, printed.out, printed.err)

    return run


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command in a process of its own."""

    def start(
        *args: str | Path, url: str = UNREACHABLE, stdout: int = subprocess.PIPE, **environ: str
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "geofix.agent.cli", *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "DATABASE_URL": url, **environ},
        )

    return start


@pytest.fixture
def rows() -> Callable[[str], Mapping[str, int]]:
    """Count what a question writes into a database."""

    def counted(url: str) -> Mapping[str, int]:
        engine = create_engine(parse_url(url))
        tables = ("runs", "query_photos", "query_embeddings", "steps")
        with engine.connect() as connection:
            counts = {
                table: int(connection.execute(text(f"select count(*) from {table}")).scalar_one())
                for table in tables
            }
        engine.dispose()
        return counts

    return counted
