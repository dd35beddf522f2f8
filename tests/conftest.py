"""A real Postgres with pgvector for every test that asks for one, and never a model of the user's.

`GEOFIX_TEST_DATABASE_URL` names a server to use; without it the embedded one is started once. Each
test gets a database of its own, copied from a migrated template.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import certifi
import psycopg
import pytest
from sqlalchemy import make_url

from geofix.agent import open_agent
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.db.checkpoints import SCHEMA
from geofix.db.embedded.server import EmbeddedServer
from geofix.db.engine import conninfo
from geofix.db.load.ingest import Ingest
from geofix.tools.encoders import STARTER, Encoder, load_encoder
from geofix.tools.photo.samples import sample_path
from geofix.tools.starter import add_starter

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background deaf to Ctrl-C, and so all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

THEIRS = (
    "GEOFIX_",
    "LANGSMITH_",
    "LANGCHAIN_",
    "OPENAI_",
    "ANTHROPIC_",
    "GOOGLE_",
    "GEMINI_",
    "OLLAMA_",
)
"""How the names of variables begin that lead models, keys and tracing elsewhere."""

CITUS_URL = os.environ.get("GEOFIX_TEST_CITUS_URL")
"""Of a coordinator with workers and pgvector everywhere. Read before tests lose the variable."""

GIVEN = "GEOFIX_TEST_DATABASE_URL"
"""Names a server to use instead of the embedded one."""

MIGRATED = f"geofix_test_migrated_{uuid.uuid4().hex[:8]}"
CHECKPOINTS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
OF_RUNS = ("runs", "query_photos", *(f"{SCHEMA}.{table}" for table in CHECKPOINTS))
"""Tables that a run writes; the others of a run follow them."""

STARTED = f"geofix_test_starter_{uuid.uuid4().hex[:8]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need a Citus where there is none."""
    if CITUS_URL is None:
        without = [item for item in items if item.get_closest_marker("citus")]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


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


@contextmanager
def _server() -> Iterator[str]:
    """Run a server while the tests do; give a URL to its first database."""
    # Not pytest's own folder: under root that one is closed to the account Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="geofix-tests-"))
    home.chmod(0o755)
    with EmbeddedServer(home / "postgres").lease() as url:
        # Nothing here outlives the tests, so nothing need reach the disk.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            _execute(url, f"alter system set {setting} = off")
        _execute(url, "select pg_reload_conf()")
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


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(statement.encode())


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated(server_url: str) -> Iterator[str]:
    """Name of a template database with geofix's and LangGraph's tables."""
    _execute(server_url, f"create database {MIGRATED}")
    with Services(Settings(database_url=_named(server_url, MIGRATED))) as services:
        services.upgrade()
    yield MIGRATED
    _execute(server_url, f"drop database {MIGRATED} with (force)")


@pytest.fixture(scope="session")
def started(server_url: str, migrated: str, encoder: Encoder) -> Iterator[str]:
    """Name of a template database with the starter gallery and features of the sample's likes."""
    _execute(server_url, f"create database {STARTED} template {migrated}")
    url = _named(server_url, STARTED)
    with open_agent(Settings(database_url=url), encoder=encoder) as agent:
        add_starter(Ingest(agent.services.engine))
        # Finds local features of 16 pictures: a second for every database that lacks them.
        agent.locate(sample_path())
    # The features stay, the run goes.
    _execute(url, f"truncate {', '.join(OF_RUNS)} cascade")
    yield STARTED
    _execute(server_url, f"drop database {STARTED} with (force)")


@pytest.fixture
def new_database(server_url: str) -> Iterator[str]:
    """URL of an empty database, without geofix's tables."""
    yield from _database(server_url, "template1")


@pytest.fixture
def database_url(server_url: str, migrated: str) -> Iterator[str]:
    """URL of a migrated database that is the test's own."""
    yield from _database(server_url, migrated)


@pytest.fixture
def starter_url(server_url: str, started: str) -> Iterator[str]:
    """URL of a database of the test's own with the starter gallery."""
    yield from _database(server_url, started)


@pytest.fixture(scope="module")
def shared_starter_url(server_url: str, started: str) -> Iterator[str]:
    """URL of a database with the starter gallery, for tests that add at most runs."""
    yield from _database(server_url, started)


def _database(server_url: str, template: str) -> Iterator[str]:
    name = f"geofix_test_{uuid.uuid4().hex[:12]}"
    _execute(server_url, f"create database {name} template {template}")
    yield _named(server_url, name)
    _execute(server_url, f"drop database {name} with (force)")


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    """Services on a migrated, empty database."""
    with Services(Settings(database_url=database_url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The starter encoder, loaded once."""
    return load_encoder(STARTER)
