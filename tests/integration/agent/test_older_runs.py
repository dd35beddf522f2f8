"""Runs that an earlier geofix began, before there were presets, are gone on with."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from geofix.agent import Agent, GeofixError
from geofix.agent.search_report import SearchReport
from geofix.agent.state import Draft
from geofix.tools.samples import sample_path

LATER = ("preset", "route", "samples", "temperature", "image_px", "exemplars")


def test_a_question_kept_without_todays_options_is_the_same_question(agent: Agent) -> None:
    first = agent.locate(sample_path(), thread_id="old", max_rounds=1)
    forget = text(
        "update runs set question = jsonb_set(question::jsonb, '{options}',"
        " (question::jsonb -> 'options') - cast(:names as text[]))"
    )
    with agent.services.engine.begin() as connection:
        connection.execute(forget, {"names": list(LATER)})
    kept = agent.services.trail.read("old").question["options"]
    assert not set(LATER) & set(kept)
    again = agent.locate(sample_path(), thread_id="old", max_rounds=1)
    assert (again.latitude, again.longitude) == (first.latitude, first.longitude)
    with pytest.raises(GeofixError, match="asked with other options"):
        agent.locate(sample_path(), thread_id="old", max_rounds=1, preset="g3")


def test_a_question_kept_with_an_option_that_is_gone_is_the_same_question(agent: Agent) -> None:
    first = agent.locate(sample_path(), thread_id="old", max_rounds=1)
    add = text("update runs set question = jsonb_set(question, '{options,complete}', 'true')")
    with agent.services.engine.begin() as connection:
        connection.execute(add)
    again = agent.locate(sample_path(), thread_id="old", max_rounds=1)
    assert (again.latitude, again.longitude) == (first.latitude, first.longitude)


def test_a_search_kept_with_a_shard_and_without_todays_counts_is_read() -> None:
    kept = {"kind": "positives", "server": "north", "way": "index", "rows": 7}
    report = SearchReport.model_validate(kept)
    assert (report.server, report.asked, report.removed) == ("north", 0, 0)


def test_a_draft_kept_without_todays_fields_is_read() -> None:
    kept = {"round": 0, "drafted_by": "openai:x", "latitude": 1.0, "longitude": 2.0}
    draft = Draft.model_validate(kept)
    assert (draft.copied_from, draft.provenance) == (None, None)
