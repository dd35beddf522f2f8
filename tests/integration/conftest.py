"""Databases copied from templates, and agents on them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import make_url

from geofix import Fix, Settings, open_agent
from geofix.agent.fix.present import present
from geofix.agent.nodes import settle
from geofix.agent.run import opening
from geofix.agent.services import Services
from geofix.db.checkpoints import SCHEMA
from geofix.db.load.ingest import Ingest
from geofix.tools.encoders import STARTER, Encoder, load_encoder
from geofix.tools.photo.samples import sample_path
from geofix.tools.starter import add_starter
from tests.conftest import execute
from tests.integration.scripted_model import PROTOCOLS, TIMEOUT_S, Lab
from tests.loopback import Finished, Raw, chat_server

ROOT = Path(__file__).parents[2]

MIGRATED = f"geofix_test_migrated_{uuid.uuid4().hex[:8]}"
CHECKPOINTS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
OF_RUNS = ("runs", "query_photos", *(f"{SCHEMA}.{table}" for table in CHECKPOINTS))
"""Tables that a run writes; the others of a run follow them."""

STARTED = f"geofix_test_starter_{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session", autouse=True)
def _every_answer_keeps_the_contract() -> Iterator[None]:
    """Answers made anywhere in these tests fit the frozen schema of version 1."""
    frozen = json.loads((ROOT / "tests" / "data" / "fix-1.json").read_text(encoding="utf-8"))
    contract = Draft202012Validator(frozen)

    def checked(*args: Any, **options: Any) -> Fix:
        fix = present(*args, **options)
        contract.validate(json.loads(fix.model_dump_json()))
        return fix

    with pytest.MonkeyPatch.context() as patched:
        for maker in (settle, opening):
            patched.setattr(maker, "present", checked)
        yield


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated(server_url: str) -> Iterator[str]:
    """Name of a template database with geofix's and LangGraph's tables."""
    execute(server_url, f"create database {MIGRATED}")
    with Services(Settings(database_url=_named(server_url, MIGRATED))) as services:
        services.upgrade()
    yield MIGRATED
    execute(server_url, f"drop database {MIGRATED} with (force)")


@pytest.fixture(scope="session")
def started(server_url: str, migrated: str, encoder: Encoder) -> Iterator[str]:
    """Name of a template database with the starter gallery and features of the sample's likes."""
    execute(server_url, f"create database {STARTED} template {migrated}")
    url = _named(server_url, STARTED)
    with open_agent(Settings(database_url=url), encoder=encoder) as agent:
        add_starter(Ingest(agent.services.engine))
        # Finds local features of 16 pictures: a second for every database that lacks them.
        agent.locate(sample_path())
    # The features stay, the run goes.
    execute(url, f"truncate {', '.join(OF_RUNS)} cascade")
    yield STARTED
    execute(server_url, f"drop database {STARTED} with (force)")


@pytest.fixture
def new_database(server_url: str) -> Iterator[str]:
    """URL of an empty database, without geofix's tables."""
    yield from _database(server_url, "template1")


@pytest.fixture
def database_url(server_url: str, migrated: str) -> Iterator[str]:
    """URL of a migrated database that is the test's own."""
    yield from _database(server_url, migrated)


@pytest.fixture(scope="module")
def shared_database_url(server_url: str, migrated: str) -> Iterator[str]:
    """URL of a migrated database for the tests of a module."""
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
    execute(server_url, f"create database {name} template {template}")
    yield _named(server_url, name)
    execute(server_url, f"drop database {name} with (force)")


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    """Services on a migrated, empty database."""
    with Services(Settings(database_url=database_url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The starter encoder, loaded once."""
    return load_encoder(STARTER)


@pytest.fixture
def lab(shared_starter_url: str, encoder: Encoder) -> Iterator[Any]:
    """Opens an agent on the starter gallery whose model answers by a script."""
    with ExitStack() as stack:

        @contextmanager
        def opened(*script: str | Finished | Raw, provider: str = "openai", **more: Any) -> Any:
            protocol, path = PROTOCOLS[provider]
            # Of the whole call: only a server that says nothing is to reach it.
            silent = any(isinstance(step, Raw) and step.silent for step in script)
            with chat_server(protocol, *script) as server:
                settings = Settings(
                    database_url=shared_starter_url,
                    model=f"{provider}:tiny",
                    model_url=server.url + path,
                    model_timeout_s=TIMEOUT_S if silent else 60.0,
                    **more,
                )
                with open_agent(settings, encoder=encoder) as agent:
                    yield Lab(agent, server)

        yield lambda *script, **more: stack.enter_context(opened(*script, **more))
