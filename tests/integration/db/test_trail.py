from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import TrailError
from geofix.db.runs import RunOrigin, Step, Trail

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def trail(engine: Engine) -> Trail:
    return Trail(engine)


def step(task_id: str, **changes: Any) -> Step:
    plain = Step(
        task_id=task_id,
        number=int(task_id) - 1,
        round=0,
        node="retrieve",
        outcome="done",
        started_at=NOON,
        took_ms=12.5,
        summary="16 photos",
        detail={"k": 16},
    )
    return replace(plain, **changes)


def origin(run: str) -> RunOrigin:
    return RunOrigin(run, "thread")


def record(trail: Trail, run: str, step: Step) -> None:
    begun = trail.begin(origin(run), replace(step, outcome="running"))
    assert begun is not None
    trail.record(replace(step, attempt=begun.attempt))


def test_a_run_comes_back_as_it_was_written(trail: Trail) -> None:
    trail.open_run(origin("r"), "ab", {"within": None}, {"geofix": "0.1.0"})
    first = step("1", degraded=("slow",), checkpoint_id="c")
    second = step(
        "2", node="draft", round=1, outcome="failed", error="ModelError: gone", took_ms=0.125
    )
    record(trail, "r", first)
    record(trail, "r", second)
    trail.close_run("r", {"status": "located", "latitude": 48.85})
    run = trail.read("r")
    assert (run.id, run.photo_sha256) == ("r", "ab")
    assert (run.question, run.setup) == ({"within": None}, {"geofix": "0.1.0"})
    assert run.settled == {"status": "located", "latitude": 48.85}
    assert run.steps == (first, second)
    assert run.finished_at is not None
    assert timedelta() <= run.finished_at - run.started_at < timedelta(minutes=1)


def test_an_open_run_has_no_answer_yet(trail: Trail, engine: Engine) -> None:
    trail.open_run(origin("r"), "ab", {}, {})
    found = trail.find("r")
    assert found is not None
    assert (found.settled, found.finished_at, found.steps) == (None, None, ())
    with engine.connect() as connection:
        assert connection.execute(text("select settled is null from runs")).scalar() is True


def test_opening_a_run_again_changes_nothing(trail: Trail) -> None:
    trail.open_run(origin("r"), "ab", {"a": 1}, {"b": 2})
    trail.open_run(origin("r"), "cd", {"a": 3}, {"b": 4})
    found = trail.find("r")
    assert found is not None
    assert (found.photo_sha256, found.question, found.setup) == ("ab", {"a": 1}, {"b": 2})


def test_every_attempt_at_a_step_is_kept_in_the_steps_place(trail: Trail) -> None:
    killed = trail.begin(origin("r"), step("1", outcome="running"))
    record(trail, "r", step("1", summary="17 photos", outcome="failed", error="E"))
    again = step("1", summary="18 photos", detail={"k": 18}, degraded=("d",), checkpoint_id="c2")
    record(trail, "r", again)
    record(trail, "r", step("2"))
    first, second = trail.read("r").steps
    assert second == step("2")
    assert first.earlier[0] == killed
    assert [(one.attempt, one.outcome, one.summary) for one in (*first.earlier, first)] == [
        (1, "running", "16 photos"),
        (2, "failed", "17 photos"),
        (3, "done", "18 photos"),
    ]
    assert replace(first, earlier=(), attempt=1) == again


def test_a_step_that_waited_for_a_person_goes_on_as_the_same_attempt(trail: Trail) -> None:
    record(trail, "r", step("1", outcome="waiting"))
    record(trail, "r", step("1"))
    assert trail.read("r").steps == (step("1"),)


def test_a_step_that_another_task_took_is_not_begun_unless_that_failed(trail: Trail) -> None:
    record(trail, "r", step("1"))
    assert trail.begin(origin("r"), step("9", number=0)) is None
    record(trail, "r", step("2", outcome="failed"))
    assert trail.begin(origin("r"), step("8", number=1)) is not None
    assert trail.begin(origin("r"), step("7", number=1)) is None
    assert trail.run_of_task("8") == "r"
    assert trail.run_of_task("7") is None


def test_a_models_answer_is_kept_by_task_and_goes_with_its_run(
    trail: Trail, engine: Engine
) -> None:
    record(trail, "r", step("1"))
    trail.keep_answer("1", "digest", 0, "yes\0")
    trail.keep_answer("1", "digest", 0, "no")
    trail.keep_answer("1", "digest", 1, "second")
    assert trail.kept_answer("1", "digest", 0) == "yes\ufffd"
    assert trail.kept_answer("1", "digest", 1) == "second"
    assert trail.kept_answer("2", "digest", 0) is None
    with engine.begin() as connection:
        connection.execute(text("delete from runs"))
    assert trail.kept_answer("1", "digest", 0) is None


def test_a_thread_gives_its_run_of_the_same_question_or_opens_one(trail: Trail) -> None:
    def opened(run: str, sha256: str, question: dict[str, Any]) -> str:
        asked = trail.open_in_thread(
            origin(run), sha256, question, {}, lambda known: known.question == question
        )
        return asked.id

    assert [opened("a", "ab", {"k": 1}), opened("b", "ab", {"k": 1})] == ["a", "a"]
    assert [opened("c", "ab", {"k": 2}), opened("d", "cd", {"k": 1})] == ["c", "d"]
    assert [run.id for run in trail.of_thread("thread")] == ["a", "c", "d"]


def test_a_step_without_an_opened_run_opens_it(trail: Trail) -> None:
    record(trail, "r", step("1"))
    run = trail.read("r")
    assert (run.photo_sha256, run.question, run.steps) == (None, {}, (step("1"),))


def test_steps_of_runs_do_not_mix(trail: Trail) -> None:
    record(trail, "r", step("1"))
    record(trail, "s", step("2"))
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
        trail.open_run(origin(name), name, {}, {})
        record(trail, name, step(str(ord(name))))
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
    record(trail, "r", step("1", detail=detail, summary="北京 🏔️"))
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
    trail.open_run(origin("r"), "ab", odd, odd)
    record(trail, "r", step("1", detail=odd, summary="a\0", error="\ud83d", degraded=("x\0",)))
    record(trail, "r", step("1", detail=odd, summary="a\0", error="\ud83d", degraded=("x\0",)))
    trail.close_run("r", odd)
    run = trail.read("r")
    assert run.question == run.setup == run.settled == clean
    (found,) = run.steps
    assert found.detail == clean
    assert (found.summary, found.error, found.degraded) == ("a\ufffd", "\ufffd", ("x\ufffd",))


def test_cleaning_leaves_the_caller_s_own_object_alone(trail: Trail) -> None:
    detail: dict[str, Any] = {"list": ["a\0"], "nested": {"x": math.inf}}
    before = json.dumps(detail)
    record(trail, "r", step("1", detail=detail))
    assert json.dumps(detail) == before
