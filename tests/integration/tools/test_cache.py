"""Kept answers: the same photo asked again in a new process costs nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation
from sqlalchemy import Engine, create_engine, text

from geofix import Agent, Settings, open_agent
from geofix.agent.errors import DatabaseError
from geofix.db.engine import open_engine
from geofix.db.runs import Step
from geofix.tools.encoders import Encoder
from geofix.tools.models.cache import answer_cache
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import explained
from tests.integration.scripted_model import KEY, said
from tests.loopback import ChatServer, chat_server, ollama_answer, openai_answer

ANSWER = [ChatGeneration(message=AIMessage("Paris"))]


@contextmanager
def agent_on(
    url: str, server: ChatServer, encoder: Encoder, model: str = "openai:tiny", **more: Any
) -> Iterator[Agent]:
    path = "/v1" if model.startswith("openai") else ""
    settings = Settings(
        database_url=url, model=model, model_url=server.url + path, answer_cache=True, **more
    )
    with open_agent(settings, encoder=encoder) as agent:
        yield agent


def draft_of(agent: Agent, run: str | None) -> Step:
    assert run is not None
    return next(step for step in agent.services.trail.read(run).steps if step.node == "draft")


@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_the_same_photo_asked_again_makes_no_request(
    provider: str, starter_url: str, encoder: Encoder
) -> None:
    protocol = openai_answer if provider == "openai" else ollama_answer
    more = {"model_api_key": KEY} if provider == "openai" else {}
    fixes, drafts = [], []
    with chat_server(protocol, said()) as server:
        for _ in range(2):
            with agent_on(starter_url, server, encoder, f"{provider}:tiny", **more) as agent:
                fixes.append(explained(agent, sample_path()))
                drafts.append(draft_of(agent, fixes[-1].run))
        assert len(server.received) == 1
    first, second = fixes
    assert first.run != second.run
    assert second.degraded == []
    assert second.drafted_by == f"{provider}:tiny"
    assert (second.latitude, second.longitude) == (first.latitude, first.longitude)
    assert [step.detail["cached"] for step in drafts] == [False, True]
    assert drafts[1].detail["tokens"] == {}
    assert drafts[1].detail["answers"] == drafts[0].detail["answers"]


def test_another_model_or_photo_is_asked_anew(starter_url: str, encoder: Encoder) -> None:
    with chat_server(openai_answer, said(), said(), said()) as server:
        with agent_on(starter_url, server, encoder) as agent:
            agent.locate(sample_path())
            agent.locate(sample_path("indoor/gcs_close.jpg"))
        asked = len(server.received)
        assert asked >= 2
        with agent_on(starter_url, server, encoder, "openai:other") as agent:
            agent.locate(sample_path())
        assert len(server.received) == asked + 1


def test_an_unusable_answer_and_its_repair_are_kept_too(starter_url: str, encoder: Encoder) -> None:
    with chat_server(openai_answer, "Paris!", said()) as server:
        for _ in range(2):
            with agent_on(starter_url, server, encoder) as agent:
                fix = explained(agent, sample_path())
        assert len(server.received) == 2
    assert fix.drafted_by == "openai:tiny"


def test_the_table_is_in_our_database_and_holds_no_key(starter_url: str, encoder: Encoder) -> None:
    with (
        chat_server(openai_answer, said()) as server,
        agent_on(starter_url, server, encoder, model_api_key=KEY) as agent,
    ):
        agent.locate(sample_path())
        with agent.services.engine.connect() as connection:
            rows = connection.execute(text("select * from model_answers")).mappings().all()
    assert len(rows) == 1
    assert KEY not in str(rows)
    assert "48.8861" in rows[0]["response"]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def kept_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(text("select count(*) from model_answers")).scalar_one()


def test_another_cache_on_the_same_database_finds_the_answer(engine: Engine) -> None:
    answer_cache(engine).update("prompt", "model", ANSWER)
    found = answer_cache(engine).lookup("prompt", "model")
    assert found is not None and found[0].text == "Paris"


def test_answers_kept_at_once_do_not_disturb_each_other(engine: Engine) -> None:
    cache, together = answer_cache(engine), Barrier(4)

    def keep(number: int) -> None:
        together.wait()
        cache.update("prompt", "model", ANSWER)
        cache.update("prompt", f"model {number}", ANSWER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(keep, range(4)))
    for model in ("model", *(f"model {number}" for number in range(4))):
        found = cache.lookup("prompt", model)
        assert found is not None and found[0].text == "Paris"
    cache.update("prompt", "model", ANSWER)
    assert kept_rows(engine) == 5


def test_a_row_that_names_another_class_is_not_revived(engine: Engine) -> None:
    cache = answer_cache(engine)
    cache.update("prompt", "model", [Generation(text="Paris")])
    with pytest.raises(ValueError, match="Generation"):
        cache.lookup("prompt", "model")


def test_what_was_not_asked_is_not_found_and_all_can_be_forgotten(engine: Engine) -> None:
    cache = answer_cache(engine)
    cache.update("prompt", "model", ANSWER)
    assert cache.lookup("another prompt", "model") is None
    assert cache.lookup("prompt", "another model") is None
    cache.clear()
    assert cache.lookup("prompt", "model") is None


def test_options_of_any_length_can_be_kept(engine: Engine) -> None:
    cache = answer_cache(engine)
    # Not repetitive: Postgres compresses what is, before it looks at the size of an index entry.
    long = "".join(f"{number * 7919 % 100_003:x}" for number in range(20_000))
    cache.update("prompt", long, ANSWER)
    assert cache.lookup("prompt", long) is not None


def test_a_database_that_is_gone_is_an_error_of_the_database() -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/nowhere")
    with pytest.raises(DatabaseError, match="cannot reach"):
        answer_cache(engine)


def test_the_sunset_of_langchain_community_is_not_announced_to_our_users(
    database_url: str,
) -> None:
    # A fresh process: the announcement is made on the first import only.
    code = (
        "import sys; from geofix.db.engine import open_engine;"
        "from geofix.tools.models.cache import answer_cache; answer_cache(open_engine(sys.argv[1]))"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code, database_url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
