from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import TrailError
from geofix.db.runs import Step, Trail

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def trail(engine: Engine) -> Trail:
    return Trail(engine)


def step(task_id: str, **changes: Any) -> Step:
    plain = Step(
        task_id=task_id,
        round=0,
        node="retrieve",
        attempt=1,
        started_at=NOON,
        took_ms=12.5,
        summary="16 photos",
        detail={"k": 16},
    )
    return replace(plain, **changes)


def test_a_run_comes_back_as_it_was_written(trail: Trail) -> None:
    trail.open_run("r", "ab", {"within": None}, {"geofix": "0.1.0"})
    first = step("1", degraded=("slow",), checkpoint_id="c")
    second = step("2", node="draft", round=1, attempt=2, error="ModelError: gone", took_ms=0.125)
    trail.record("r", first)
    trail.record("r", second)
    trail.close_run("r", {"status": "located", "latitude": 48.85})
    run = trail.read("r")
    assert (run.id, run.photo_sha256) == ("r", "ab")
    assert (run.question, run.setup) == ({"within": None}, {"geofix": "0.1.0"})
    assert run.fix == {"status": "located", "latitude": 48.85}
    assert run.steps == (first, second)
    assert run.finished_at is not None
    assert timedelta() <= run.finished_at - run.started_at < timedelta(minutes=1)


def test_an_open_run_has_no_answer_yet(trail: Trail, engine: Engine) -> None:
    trail.open_run("r", "ab", {}, {})
    found = trail.find("r")
    assert found is not None
    assert (found.fix, found.finished_at, found.steps) == (None, None, ())
    with engine.connect() as connection:
        assert connection.execute(text("select fix is null from runs")).scalar() is True


def test_opening_a_run_again_changes_nothing(trail: Trail) -> None:
    trail.open_run("r", "ab", {"a": 1}, {"b": 2})
    trail.open_run("r", "cd", {"a": 3}, {"b": 4})
    found = trail.find("r")
    assert found is not None
    assert (found.photo_sha256, found.question, found.setup) == ("ab", {"a": 1}, {"b": 2})


def test_a_step_recorded_again_is_replaced_and_keeps_its_place(trail: Trail) -> None:
    for task_id in ("1", "2", "3"):
        trail.record("r", step(task_id))
    again = step(
        "1", attempt=2, summary="17 photos", detail={"k": 17}, started_at=NOON + timedelta(hours=1),
        took_ms=1.0, degraded=("d",), error="E", checkpoint_id="c2",
    )  # fmt: skip
    trail.record("r", again)
    assert trail.read("r").steps == (again, step("2"), step("3"))


def test_a_step_without_an_opened_run_opens_it(trail: Trail) -> None:
    trail.record("r", step("1"))
    run = trail.read("r")
    assert (run.photo_sha256, run.question, run.steps) == (None, {}, (step("1"),))


def test_steps_of_runs_do_not_mix(trail: Trail) -> None:
    trail.record("r", step("1"))
    trail.record("s", step("2"))
    assert [found.task_id for found in trail.read("r").steps] == ["1"]


def test_an_unknown_run_is_an_error_that_says_where_to_look(trail: Trail) -> None:
    assert trail.find("nowhere") is None
    with pytest.raises(TrailError, match="no run 'nowhere'; `geofix runs` lists"):
        trail.read("nowhere")


def test_closing_an_unknown_run_is_an_error(trail: Trail) -> None:
    with pytest.raises(TrailError, match="no run 'nowhere'"):
        trail.close_run("nowhere", {})


def test_latest_is_newest_first_and_no_more_than_asked(trail: Trail) -> None:
    assert trail.latest() == []
    for name in "abcde":
        trail.open_run(name, name, {}, {})
        trail.record(name, step(name))
    assert [run.id for run in trail.latest(3)] == ["e", "d", "c"]
    assert [run.id for run in trail.latest()] == list("edcba")
    assert trail.latest(1)[0].steps == ()


def test_detail_keeps_nested_json_and_unicode(trail: Trail) -> None:
    detail = {
        "deep": [{"a": [1, 2.5, None, True, {"b": []}]}],
        "words": '北京 São 🏔️ "quoted" back\\slash \n line',
        "": {"ключ": "значение"},
        "tiny": 5e-324,
        "third": 1 / 3,
    }
    trail.record("r", step("1", detail=detail, summary="北京 🏔️"))
    (found,) = trail.read("r").steps
    assert found.detail == detail
    assert found.summary == "北京 🏔️"


def test_what_json_or_postgres_cannot_hold_is_cleaned_not_fatal(trail: Trail) -> None:
    odd = {
        "nan": math.nan,
        "list": [math.inf, -math.inf, 1.0],
        "tuple": (1, 2),
        "nul": "a\0b",
        "lone": "\ud83d",
        "\0key": 1,
    }
    clean = {
        "nan": None,
        "list": [None, None, 1.0],
        "tuple": [1, 2],
        "nul": "a\ufffdb",
        "lone": "\ufffd",
        "\ufffdkey": 1,
    }
    trail.open_run("r", "ab", odd, odd)
    trail.record("r", step("1", detail=odd, summary="a\0", error="\ud83d", degraded=("x\0",)))
    trail.record("r", step("1", detail=odd, summary="a\0", error="\ud83d", degraded=("x\0",)))
    trail.close_run("r", odd)
    run = trail.read("r")
    assert run.question == run.setup == run.fix == clean
    (found,) = run.steps
    assert found.detail == clean
    assert (found.summary, found.error, found.degraded) == ("a\ufffd", "\ufffd", ("x\ufffd",))


def test_cleaning_leaves_the_caller_s_own_object_alone(trail: Trail) -> None:
    detail: dict[str, Any] = {"list": ["a\0"], "nested": {"x": math.inf}}
    before = json.dumps(detail)
    trail.record("r", step("1", detail=detail))
    assert json.dumps(detail) == before
