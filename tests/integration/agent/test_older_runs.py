"""Runs that an earlier geofix began, before there were presets, are gone on with."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from geofix.agent import Agent, GeofixError
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


def test_a_draft_kept_without_todays_fields_is_read() -> None:
    kept = {"round": 0, "drafted_by": "openai:x", "latitude": 1.0, "longitude": 2.0}
    draft = Draft.model_validate(kept)
    assert (draft.copied_from, draft.provenance) == (None, None)
