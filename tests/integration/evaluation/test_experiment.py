"""`geofix experiment negatives` on a small simulated world, with scripted models on loopback."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from benchmarks import negatives
from geofix.agent.draft.prompts import NEGATIVES
from geofix.agent.errors import GeofixError
from geofix.evaluation.experiment import session
from geofix.evaluation.experiment.command import run_experiment
from geofix.evaluation.run.result import EvalPhoto
from geofix.evaluation.worlds.dataset import WorldDataset
from geofix.evaluation.worlds.world import Size
from geofix.tools.once import once_property
from tests.integration.scripted_model import said
from tests.loopback import ChatServer, Raw, Received, chat_server, openai_answer
from tests.unit.evaluation.worlds.conftest import places

__all__ = ["places"]

QUERIES = 12


class Parted(WorldDataset):
    """A world whose places are tenths of a degree, so that there are as many as a test needs."""

    @once_property
    def photos(self) -> Sequence[EvalPhoto]:
        return [
            replace(photo, group=f"{photo.latitude:.1f}, {photo.longitude:.1f}")
            for photo in super().photos
        ]


def words_of(request: Received) -> str:
    parts = request.body["messages"][-1]["content"]
    return " ".join(part["text"] for part in parts if part["type"] == "text")


def by_model(request: Received) -> str:
    """Answer as the model does whose name was asked for."""
    words = words_of(request)
    if "Where was this photo taken? Similar photos:" in words:
        return negatives.said((0.5, 0.5))  # The call that takes the time.
    if request.body["model"] == "fixed":
        return said()
    place = negatives.steady(words)
    if request.body["model"] == "contrary" and negatives.listed(words)[1]:
        place = -place[0], place[1] - 180
    return negatives.said(place)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(openai_answer, by=by_model) as running:
        yield running


Run = Callable[..., Result]


@pytest.fixture
def run(shared_database_url: str, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    world = Parted("world", "test", 1, Size(3000, queries=QUERIES))
    monkeypatch.setattr(session, "open_dataset", lambda name, columns: world)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(run_experiment)

    def ran(*args: str | Path, answer: str = "", models: tuple[str, ...] = ("steady",)) -> Result:
        named = [word for model in models for word in ("--model", f"openai:{model}")]
        return CliRunner().invoke(
            app,
            ["negatives", "world", *named, *map(str, args)],
            input=answer,
            env={
                "DATABASE_URL": shared_database_url,
                "GEOFIX_MODEL_URL": f"{server.url}/v1",
                "GEOFIX_MODEL_PRICE": "2/10",
                "OPENAI_API_KEY": "none",
            },
        )

    return ran


RAW = ("--strategy", "raw", "--number", "16", "--km", "2500", "--json")


def told(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.stderr
    whole: dict[str, Any] = json.loads(done.stdout)
    return whole


def compared(whole: dict[str, Any], model: str, outcome: str = "model") -> list[dict[str, Any]]:
    """Return the tests of a model's words, each with its difference and corrected p."""
    return [
        one
        for one in whole["tests"]
        if one["model"] == f"openai:{model}" and one["outcome"] == outcome
    ]


def test_a_planted_effect_is_found_and_none_where_there_is_none(
    run: Run, server: ChatServer, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "md", "html")}
    flags = ("--json-file", "--csv", "--markdown", "--page")
    written = [one for pair in zip(flags, files.values(), strict=True) for one in pair]
    both = ("steady", "contrary")
    done = run(*RAW, *written, answer="y\n", models=both)
    whole = told(done)
    # The plan came first: calls, money, and what can be found.
    for words in (
        "Plan of the experiment",
        "$",
        "Connor 1987",
        "photos needed for 1",
        "24 of 24",
    ):
        assert words in done.stderr, words
    assert len(server.received) == 2 + 2 * 2 * QUERIES
    (steady,), (contrary,) = compared(whole, "steady"), compared(whole, "contrary")
    assert steady["at"]["difference"]["value"] == 0 and steady["at"]["test"]["p_value"] == 1
    assert contrary["at"]["difference"]["high"] < -0.1 and contrary["adjusted_p"] < 0.05
    assert contrary["adjusted_p"] == pytest.approx(2 * contrary["at"]["test"]["p_value"])
    none, raw = whole["cells"][:2]
    assert none["shown"]["mean"] == 0 and none["right"]["model"]["2500"]["value"] > 0.5
    assert raw["shown"]["mean"] == 16 and raw["shown"]["fewer"] == 0
    assert any("same in all cells" in note for note in whole["notes"])
    assert any("The answers are the model's words" in note for note in whole["notes"])
    assert json.loads(files["json"].read_text()) == whole
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert len(rows) == 2 * 2 * QUERIES and {row["negatives_shown"] for row in rows} == {"0", "16"}
    assert "| raw | 16 | " in files["md"].read_text() and "*" in files["md"].read_text()
    assert "<table>" in files["html"].read_text()
    # The same command again only tells it again.
    asked = len(server.received)
    again = told(run(*RAW, models=both))
    assert again["tests"] == whole["tests"] and len(server.received) == asked
    assert [one["left"] for one in again["plan"]["models"]] == [0, 0]


def test_a_pilot_measures_how_much_words_turn_and_takes_no_part(
    run: Run, server: ChatServer
) -> None:
    pilot = (*RAW, "--pilot", "10", "--again", "pilot")
    refused = run(*pilot, answer="n\n", models=("contrary",))
    assert "Plan of the pilot" in refused.stderr and len(server.received) == 1
    assert "Nothing more was asked" in refused.stderr and not refused.stdout
    stopped = run(*pilot, answer="y\nn\n", models=("contrary",))
    assert "Plan of the experiment" in stopped.stderr and not stopped.stdout
    assert "was measured by a pilot of" in stopped.stderr
    asked = len(server.received)
    whole = told(run(*pilot, "--yes", models=("contrary",)))
    photos = whole["plan"]["photos"]
    assert 0 < photos < QUERIES
    # What the pilot asked is not asked again, and none of it is in the experiment.
    assert len(server.received) - asked == 1 + 2 * photos
    (found,) = whole["plan"]["power"]
    assert found["within_km"] == 2500 and found["discordant"] > 0.4


def test_geofixs_own_prompt_and_what_its_model_says(run: Run, server: ChatServer) -> None:
    whole = told(
        run(
            *("--method", "geofix", "--number", "3", "--limit", "2", "--strategy", "far"),
            *(
                "--strategy",
                "raw",
            ),
            *("--option", "positives=8", "--control", "--yes", "--json"),
            models=("fixed",),
        )
    )
    asked = [words_of(request) for request in server.received[1:]]
    for kind in ("dissimilar", "far"):
        some = [words for words in asked if NEGATIVES[kind].strip() in words]
        assert len(some) == len(asked) / 4 > 0, kind
    words = compared(whole, "fixed")
    assert all(one["at"]["difference"]["value"] == 0 for one in words)
    # The control is none of the tests that are corrected for.
    assert [one["adjusted_p"] for one in words if one["cell"]["control"]] == [None] * 5
    assert whole["plan"]["tests"] == 10
    shown = [one["shown"] for one in whole["cells"][2:]]
    assert all(one["mean"] == 3 and one["median_km"] > 200 for one in shown)
    assert compared(whole, "fixed", "answers") and "positives=8" in whole["method"]


def test_photos_of_which_a_dead_server_said_nothing_are_asked_again(
    run: Run, server: ChatServer
) -> None:
    asked = ("--strategy", "raw", "--number", "3", "--limit", "3", "--workers", "1", "--json")
    asked = (*asked, "--again", "dead", "--yes")
    alive = server.by
    server.by = lambda request: alive(request) if len(server.received) < 4 else Raw(418, "gone")
    whole = told(run(*asked))
    photos = whole["plan"]["photos"]
    silent = sum(cell["silent"] for cell in whole["cells"])
    assert 0 < silent == 2 * photos - 2
    assert any("server said nothing" in note for note in whole["notes"])
    server.by = alive
    server.received.clear()
    again = told(run(*asked))
    assert len(server.received) == silent == again["plan"]["models"][0]["calls"]
    assert sum(cell["silent"] for cell in again["cells"]) == 0


def test_a_dry_run_calls_no_model(run: Run, server: ChatServer) -> None:
    done = run("--dry-run", "--limit", "8", "--discordant", "0.3")
    assert done.exit_code == 0 and "| 30 % |" in done.stdout
    assert "not measured" in done.stdout and not server.received
    assert "none, 5 raw, 10 raw, 16 raw, 30 raw, 5 centred" in done.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--number", "0"), "--number cannot be 0 alone"),
        (("--number", "201"), "--number cannot be 201; give 0 to 200"),
        (("--strategy", "near"), "--strategy cannot be 'near'; there are raw, centred, far"),
        (("--km", "30"), "--km cannot be 30.0"),
        (("--discordant", "0"), "--discordant cannot be 0.0"),
        (("--option", "negatives=3"), "--option cannot be 'negatives=3'"),
        (("--option", "max_tokens=-1"), "the option 'max_tokens' cannot be '-1'"),
        (("--gallery", "nowhere"), "has a gallery of its own"),
        (("--pilot", "20"), "give a smaller --pilot"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_asked(
    run: Run, server: ChatServer, args: tuple[str, ...], words: str
) -> None:
    done = run(*args)
    assert isinstance(done.exception, GeofixError) and words in str(done.exception)
    assert not server.received
