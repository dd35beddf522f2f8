"""A real Postgres with pgvector for every test that asks for one, and never a model of the user's.

`GEOFIX_TEST_DATABASE_URL` names a server to use; without it the embedded one is started once. What
is imported here, pytest-xdist's controller waits for before any worker starts.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import certifi
import psycopg
import pytest

from geofix.db.embedded.server import EmbeddedServer
from geofix.db.engine import conninfo

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background deaf to Ctrl-C, and so all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What modules hold stays: to go through it again and again while they are imported takes a third of
# the time that collecting the tests takes.
gc.disable()

THEIRS = (
    "GEOFIX_",
    "LANGSMITH_",
    "LANGCHAIN_",
    "OPENAI_",
    "ANTHROPIC_",
    "GOOGLE_",
    "GEMINI_",
    "OLLAMA_",
    "OPENROUTER_",
)
"""How the names of variables begin that lead models, keys and tracing elsewhere."""

CITUS_URL = os.environ.get("GEOFIX_TEST_CITUS_URL")
"""Of a coordinator with workers and pgvector everywhere. Read before tests lose the variable."""

GIVEN = "GEOFIX_TEST_DATABASE_URL"
"""Names a server to use instead of the embedded one."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need a Citus where there is none."""
    if CITUS_URL is None:
        without = [item for item in items if item.get_closest_marker("citus")]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


def pytest_collection_finish() -> None:
    """Let the garbage collector look after what tests make, and leave what modules hold alone."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Undo it, or nanobind takes what it could not free by the end for leaks."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one root certificate: every client of a model reads all there are, for 20 ms."""
    end = "-----END CERTIFICATE-----"
    first, _, _ = Path(certifi.where()).read_text().partition(end)
    file = tmp_path_factory.mktemp("certificates") / "one.pem"
    file.write_text(f"{first}{end}\n")
    return file


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one_certificate: Path
) -> None:
    """No variable and no settings file of the person who runs the tests reaches a test."""
    for name in list(os.environ):
        if name.startswith(THEIRS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # No test speaks TLS.
    monkeypatch.setenv("SSL_CERT_FILE", str(one_certificate))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)


def execute(url: str, statement: str) -> None:
    """Run one statement, in no transaction."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def _server() -> Iterator[str]:
    """Run a server while the tests do; give a URL to its first database."""
    # Not pytest's own folder: under root that one is closed to the account Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="geofix-tests-"))
    home.chmod(0o755)
    with EmbeddedServer(home / "postgres").lease() as url:
        # Nothing here outlives the tests, so nothing need reach the disk.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            execute(url, f"alter system set {setting} = off")
        execute(url, "select pg_reload_conf()")
        yield url
    shutil.rmtree(home)


class OneServer:
    """Starts one server for all processes of a run by pytest-xdist."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._url: str | None = None

    def pytest_configure_node(self, node: Any) -> None:
        unit_only = all(Path(arg).is_relative_to("tests/unit") for arg in node.config.args)
        if self._url is None and not unit_only:
            given = os.environ.get(GIVEN)
            self._url = given or self._opened.enter_context(_server())
        node.workerinput[GIVEN] = self._url

    def pytest_unconfigure(self) -> None:
        self._opened.close()


# After pytest-xdist's own, which registers what is looked for.
@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("dsession"):
        # The workers take all cores already: more threads would wait for each other, and spin.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        config.pluginmanager.register(OneServer())


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A running server, as a URL to its first database."""
    worker = getattr(request.config, "workerinput", None)
    # Of a worker always there, and none where only tests without a database were asked for.
    given = os.environ.get(GIVEN) if worker is None else worker[GIVEN]
    if given is not None:
        yield given
        return
    with _server() as url:
        yield url
