"""Runs that an earlier geofix began, before there were presets, are gone on with."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from pydantic import BaseModel
from sqlalchemy import Engine, text

from geofix import Agent, GeofixError, Settings, open_agent
from geofix.agent.checkpointer import MOVED, serializer
from geofix.agent.context import Context
from geofix.agent.run.intake import read_in
from geofix.agent.run.search_report import SearchReport
from geofix.agent.state import Asked, Draft
from geofix.db.engine import conninfo
from geofix.db.schema import _alembic
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path

LATER = ("preset", "route", "samples", "temperature", "image_px", "exemplars")


def test_a_question_kept_without_todays_options_is_the_same_question(agent: Agent) -> None:
    first = agent.locate(sample_path(), run_id="old", max_rounds=1)
    forget = text(
        "update runs set question = jsonb_set(question::jsonb, '{options}',"
        " (question::jsonb -> 'options') - cast(:names as text[]))"
    )
    with agent.services.engine.begin() as connection:
        connection.execute(forget, {"names": list(LATER)})
    kept = agent.services.trail.read("old").question["options"]
    assert not set(LATER) & set(kept)
    again = agent.locate(sample_path(), run_id="old", max_rounds=1)
    assert (again.latitude, again.longitude) == (first.latitude, first.longitude)
    with pytest.raises(GeofixError, match="started with other options"):
        agent.locate(sample_path(), run_id="old", max_rounds=1, preset="g3")


def test_a_question_kept_with_an_option_that_is_gone_is_the_same_question(agent: Agent) -> None:
    first = agent.locate(sample_path(), run_id="old", max_rounds=1)
    add = text("update runs set question = jsonb_set(question, '{options,complete}', 'true')")
    with agent.services.engine.begin() as connection:
        connection.execute(add)
    again = agent.locate(sample_path(), run_id="old", max_rounds=1)
    assert (again.latitude, again.longitude) == (first.latitude, first.longitude)


def test_ask_human_of_a_kept_run_is_a_pause_where_unsure() -> None:
    asked = {"ask_human": True, "positives": 3}
    assert Context.kept(asked) == Context(positives=3, pause="unsure")
    assert Context.kept({"ask_human": False}) == Context()
    # As checkpoints hold it: plain, inside what the run was asked.
    assert Asked.model_validate({"context": asked}).context.pause == "unsure"


def test_a_search_kept_with_a_shard_and_without_todays_counts_is_read() -> None:
    kept = {"kind": "positives", "server": "north", "way": "index", "rows": 7}
    report = SearchReport.model_validate(kept)
    assert (report.server, report.asked, report.removed) == ("north", 0, 0)


def test_a_draft_kept_without_todays_fields_is_read() -> None:
    kept = {"round": 0, "drafted_by": "openai:x", "latitude": 1.0, "longitude": 2.0}
    draft = Draft.model_validate(kept)
    assert (draft.agrees_with, draft.provenance) == (None, None)


KEPT = Path(__file__).parents[2] / "data" / "kept_by_42e5820.json.gz"
"""Two runs as commit 42e5820 kept them, of the sample photo and a made model: `finished`, with a
claim and a region, and `waiting` for a person."""


def kept_rows() -> dict[str, list[dict[str, Any]]]:
    with gzip.open(KEPT, "rt", encoding="utf-8") as file:
        kept: dict[str, Any] = json.load(file)
    del kept["commit"]
    return {table: [_row(row) for row in rows] for table, rows in kept.items()}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["bytes"]) if set(value) == {"bytes"} else json.dumps(value)
    return value


@pytest.fixture
def earlier(starter_url: str, encoder: Encoder) -> Iterator[Agent]:
    """An agent set up as that version's was; the model is asked nothing any more."""
    settings = Settings(
        database_url=starter_url, model="openai:tiny", model_url="http://127.0.0.1:9/v1"
    )
    with open_agent(settings, encoder=encoder) as opened:
        put_back(opened)
        yield opened


def put_back(agent: Agent) -> None:
    """Keep the rows where that version would have, and bring its schema up to date."""
    agent.services.queries.keep(read_in(sample_path()))
    engine = agent.services.engine
    migrate(engine, "downgrade", "0010")
    for table, rows in kept_rows().items():
        ours = not table.startswith("checkpoint")
        url = agent.services.database_url if ours else agent.services.checkpoint_url
        name = table if ours else f"langgraph.{table}"
        with psycopg.connect(conninfo(url)) as connection:
            for row in rows:
                # The order of steps is counted on from what is there.
                row.pop("seq", None)
                columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
                statement = f"insert into {name} ({columns}) values ({marks})"
                connection.execute(statement.encode(), list(row.values()))
    migrate(engine, "upgrade", "head")


def migrate(engine: Engine, direction: str, revision: str) -> None:
    with engine.begin() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)


def test_every_class_that_moved_is_revived_from_a_checkpoint_of_before() -> None:
    rows = kept_rows()
    blobs = [row for table in ("checkpoint_blobs", "checkpoint_writes") for row in rows[table]]
    read = serializer()
    written = b"".join(row["blob"] or b"" for row in blobs)
    assert all(module.encode() in written for module, _ in MOVED)
    for row in blobs:
        if row["type"] == "msgpack" and b"geofix." in row["blob"]:
            revived = read.loads_typed((row["type"], row["blob"]))
            some = revived if isinstance(revived, list) else [revived]
            assert all(isinstance(one, BaseModel) for one in some), row["channel"]


def test_a_run_that_an_earlier_version_finished_answers_again(earlier: Agent) -> None:
    fix = earlier.resume("finished")
    assert (fix.status, fix.method.drafted_by) == ("located", "openai:tiny")
    # Its answer does not say what it took, and its steps do.
    assert fix.usage.calls == 1 and fix.usage.seconds > 0


def test_a_run_that_waits_since_an_earlier_version_takes_a_choice(earlier: Agent) -> None:
    assert earlier.resume("waiting").status == "waiting"
    fix = earlier.resume("waiting", rank=2)
    assert fix.status == "located"
    assert fix.reasons[0].text.startswith("a person chose")
