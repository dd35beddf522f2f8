"""Evaluations on a real database: what is kept, and that one that was killed goes on."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from geofix import Agent, Settings, open_agent
from geofix.agent.errors import GalleryError, TrailError
from geofix.db.stores import Evaluations
from geofix.evaluation.datasets import open_dataset
from geofix.evaluation.report.scorecard import score_results
from geofix.evaluation.run.asking import ask_photo, thread_of
from geofix.evaluation.run.leaks import LeakFreeGallery
from geofix.evaluation.run.result import Result
from geofix.evaluation.run.runner import Plan, evaluate, results_of
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from geofix.tools.sources.picture_files import FilePicture


@pytest.fixture
def agent(starter_url: str, encoder: Encoder) -> Iterator[Agent]:
    settings = Settings(database_url=starter_url)
    with open_agent(settings, encoder=encoder, durability="exit") as opened:
        yield opened


def plan_of(folder: Path, **changes: object) -> Plan:
    dataset = open_dataset(str(folder))
    return Plan(**{"label": "base", "dataset": dataset.name, "photos": dataset.photos, **changes})  # type: ignore[arg-type]


def by_photo(results: list[Result]) -> dict[str, Result]:
    return {result.photo.removesuffix(".jpg"): result for result in results}


def told(results: list[Result]) -> list[dict[str, object]]:
    """Return what may not depend on the hour."""
    timing = {"seconds", "node_ms", "run"}
    return [result.model_dump(exclude=timing) for result in results]


def test_every_photo_has_a_result_with_what_later_analyses_need(
    agent: Agent, dataset: Path
) -> None:
    evaluation = evaluate(agent, plan_of(dataset))
    results = by_photo(results_of(agent, evaluation))
    paris, room = results["sacred_dome_1"], results["some_room"]
    assert paris.status == "located" and paris.error_km is not None and paris.error_km < 25
    assert len(paris.retrievals[0]["positives"]) == len(paris.neighbour_errors_km) == 16
    assert paris.peers_km.keys() == {"nearest", "density"}
    assert paris.country_code == "FR" and paris.candidates and paris.node_ms["embed"] > 0
    assert room.must_reject == "room" and room.error_km is None and not room.has_truth
    card = score_results(list(results.values()))
    assert card.photos == 4 and card.answered.photos == 3
    kept = Evaluations(agent.services.engine).find(evaluation)
    assert kept.finished_at is not None and kept.photos == 4


def test_a_photo_that_cannot_be_read_is_wrong_and_ends_nothing(agent: Agent, dataset: Path) -> None:
    evaluation = evaluate(agent, plan_of(dataset))
    broken = by_photo(results_of(agent, evaluation))["broken"]
    assert broken.status == "failed" and broken.counted_km == float("inf")
    card = score_results([broken])
    assert card.failed == 1 and card.methods[0].accuracy[2500.0].value == 0


def test_several_at_once_and_one_after_another_are_the_same(agent: Agent, dataset: Path) -> None:
    one = evaluate(agent, plan_of(dataset), workers=1)
    several = evaluate(agent, plan_of(dataset, salt="again"), workers=4)
    assert one != several
    assert told(results_of(agent, one)) == told(results_of(agent, several))


def test_a_run_that_was_finished_before_tells_what_was_left_out(
    agent: Agent, dataset: Path
) -> None:
    photo = open_dataset(str(dataset)).photos[0]
    first = ask_photo(agent, photo, "plain", {})
    assert not first.excluded
    nearest = first.retrievals[0]["positives"][0]["external_id"]
    for _ in range(2):
        services = agent.services
        leak_free = LeakFreeGallery(services.engine, ("sequence", "hash"))
        leak_free.know_sequences({nearest: "walk"})
        services.gallery = leak_free
        asked = ask_photo(agent, replace(photo, sequence="walk"), "without", {})
        assert asked.excluded == {"sequence": 1}


def test_the_photo_itself_is_told_as_a_leak(agent: Agent, dataset: Path) -> None:
    there = FilePicture(sample_path("outdoor/montmartre_far.jpg"))
    photo = replace(open_dataset(str(dataset)).photos[0], picture=there)
    for leaks, left_out in ((("hash",), {"hash": 1}), (("author",), {})):
        agent.services.gallery = LeakFreeGallery(agent.services.engine, leaks)
        assert ask_photo(agent, photo, leaks[0], {}).excluded == left_out


KILLED = """
import os, signal, sys
from pathlib import Path
from dataclasses import replace
from geofix import Settings, open_agent
from geofix.evaluation.datasets import open_dataset
from geofix.evaluation.run.runner import Plan, evaluate
from tests.deadly_picture import DeadlyPicture

dataset = open_dataset(sys.argv[2])
first, *others = dataset.photos
deadly = [replace(one, picture=DeadlyPicture(Path(one.picture.location))) for one in others]
plan = Plan("base", dataset.name, [first, *deadly])
with open_agent(Settings(database_url=sys.argv[1]), durability="exit") as agent:
    evaluate(agent, plan)
"""


def test_an_evaluation_that_was_killed_goes_on_with_what_is_left(
    agent: Agent, starter_url: str, dataset: Path
) -> None:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", KILLED, starter_url, str(dataset)]
    killed = subprocess.run(command, check=False, env={"PYTHONPATH": root, "PATH": "/usr/bin"})
    assert killed.returncode == -signal.SIGKILL
    (begun, asked), *_ = Evaluations(agent.services.engine).latest()
    assert asked == 1 and begun.finished_at is None
    steps: list[tuple[int, int]] = []
    evaluation = evaluate(
        agent, plan_of(dataset), advance=lambda done, of: steps.append((done, of))
    )
    assert evaluation == begun.id
    assert steps == [(2, 4), (3, 4), (4, 4)]
    steps.clear()
    assert evaluate(agent, plan_of(dataset)) == evaluation and steps == []


def test_other_options_another_gallery_or_another_truth_are_another_evaluation(
    agent: Agent, dataset: Path
) -> None:
    some = plan_of(dataset).photos[:1]
    base = evaluate(agent, plan_of(dataset, photos=some))
    others = {
        evaluate(agent, plan_of(dataset, photos=some, options={"positives": 5})),
        evaluate(agent, plan_of(dataset, photos=some, leaks=("hash", "near"))),
        evaluate(agent, plan_of(dataset, photos=some, hooks={"geometry": "off"})),
        evaluate(agent, plan_of(dataset)),
    }
    assert len(others | {base}) == 5


def test_a_set_up_that_is_unusable_ends_it_and_keeps_nothing_wrong(
    agent: Agent, dataset: Path
) -> None:
    with pytest.raises(GalleryError, match="nowhere"):
        evaluate(agent, plan_of(dataset, options={"galleries": ("nowhere",)}))
    assert all(asked == 0 for _, asked in Evaluations(agent.services.engine).latest())
    with pytest.raises(TrailError, match="--list"):
        Evaluations(agent.services.engine).find("nosuch")


def test_a_run_is_named_after_neither_its_photo_nor_its_place() -> None:
    thread = thread_of("abc", "rome/colosseum.jpg")
    assert thread == thread_of("abc", "rome/colosseum.jpg") != thread_of("abd", "rome")
    assert thread == f"eval-abc-{hashlib.sha256(b'rome/colosseum.jpg').hexdigest()[:12]}"
