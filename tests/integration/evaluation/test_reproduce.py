"""`geofix reproduce` as a shell sees it, on a stand-in set and with a scripted model."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from geofix.db.engine import parse_url
from tests.integration.cli.conftest import Done, Geofix, geofix, rows
from tests.loopback import ChatServer, Finished, chat_server, openai_answer
from tests.stand_in_set import ANN, CLOSE, FAR, GONE, MISSING, PARIS, write_stand_in

__all__ = ["geofix", "rows"]

ROME = (41.8902, 12.4922)


def said(latitude: float, longitude: float) -> str:
    return json.dumps({"latitude": latitude, "longitude": longitude})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_stand_in(tmp_path / "secretplace")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """Times one call; then finds Paris once and is wrong once."""
    with chat_server(openai_answer, said(0.5, 0.5), said(*PARIS), said(*ROME)) as running:
        yield running


Reproduce = Callable[..., Done]


@pytest.fixture
def reproduce(
    geofix: Geofix,
    shared_starter_url: str,
    data: Path,
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Reproduce:
    def run(*args: str | Path, answer: str = "", method: str = "img2loc", **environ: str) -> Done:
        monkeypatch.setattr("sys.stdin", StringIO(answer))
        model = {"GEOFIX_MODEL": "openai:tiny", "GEOFIX_MODEL_URL": f"{server.url}/v1"}
        return geofix(
            *("reproduce", method, "--data", data, "--gallery", "starter", "--workers", "1"),
            *args,
            url=shared_starter_url,
            **{**model, "GEOFIX_MODEL_PRICE": "2/10", **environ},
        )

    return run


def _stored(url: str, rows: Callable[[str], Mapping[str, int]]) -> dict[str, int]:
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        counts = {
            table: int(connection.execute(text(f"select count(*) from {table}")).scalar_one())
            for table in ("evaluations", "evaluation_results")
        }
    engine.dispose()
    return {**rows(url), **counts}


def test_every_step_from_the_copy_of_a_set_to_the_table(
    reproduce: Reproduce, server: ChatServer, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"row.{name}" for name in ("json", "csv", "md")}
    named = ("--json-file", "--csv", "--markdown")
    asked = [one for pair in zip(named, files.values(), strict=True) for one in pair]
    done = reproduce("--leaks", "author", *asked, answer="y\n")
    assert done.code == 0, done.err
    # The plan comes before it begins.
    for words in ("2 (1 a photo)", "timed on one photo and one call", "are exchanged", "$0.0045"):
        assert words in done.err, words
    for left_out in (MISSING, *GONE):
        assert left_out in done.err
    told: dict[str, Any] = json.loads(files["json"].read_text())
    at_25 = told["measured"]["25"]
    assert (at_25["share"], at_25["photos"]) == (0.5, 2)
    own = next(row for row in told["compared"] if row["kind"] == "original")
    assert own["at"]["25"]["published"] == pytest.approx(0.4514)
    assert own["at"]["25"]["verdict"] == "inside"
    assert "a published share inside it says little" in done.out
    assert "| Img2Loc (GPT-4V) | original | 17.1: +32.9, inside" in done.out
    assert "| Img2Loc (GPT-4V) | rerun |" in done.out and "| PIGEOTTO | copied |" in done.out
    assert "CLIP" in done.out and "The author is known of 2 of 2 photos." in done.out
    assert files["md"].read_text().strip() == done.out.strip()
    errors = {
        row["photo"]: float(row["error_km"])
        for row in csv.DictReader(files["csv"].read_text().splitlines())
    }
    # The model's own coordinates are the answer, whatever the gallery says.
    assert errors[CLOSE] == pytest.approx(0, abs=0.01) and errors[FAR] > 1_000
    # It got no name of a file, a folder or an author.
    assert len(server.received) == 3
    for request in server.received:
        for word in ("secretplace", ANN, "1000269685", "places365"):
            assert word not in request.text, word
    # The same command again asks about nothing that has a result.
    again = reproduce("--leaks", "author", "--yes", "--json")
    assert again.code == 0 and len(server.received) == 3
    assert json.loads(again.out)["measured"] == told["measured"]
    assert json.loads(again.out)["plan"]["left"] == 0


def test_who_refuses_the_plan_leaves_nothing_behind(
    reproduce: Reproduce,
    shared_starter_url: str,
    rows: Callable[[str], Mapping[str, int]],
    server: ChatServer,
) -> None:
    before = _stored(shared_starter_url, rows)
    done = reproduce("--again", "refused", answer="n\n")
    assert done.code == 0 and not done.out and "nothing was stored" in done.err
    assert _stored(shared_starter_url, rows) == before


def test_a_dry_run_calls_no_model_and_stores_nothing(
    reproduce: Reproduce,
    shared_starter_url: str,
    rows: Callable[[str], Mapping[str, int]],
    server: ChatServer,
) -> None:
    before = _stored(shared_starter_url, rows)
    done = reproduce("--dry-run", "--set", "im2gps3k", "--option", "image-px=512", method="g3")
    assert done.code == 0, done.err
    assert "| method | g3, image_px=512 |" in done.out
    assert "40 (4 x 5 a photo)" in done.out and "not measured" in done.out
    assert "| G3 (GPT-4V) | original | 16.65 | 40.94" in done.out
    unread = reproduce("--dry-run", method="street-level-rag")
    assert "nothing to compare with" in unread.out and "only its abstract" in unread.out
    assert not server.received and _stored(shared_starter_url, rows) == before


@pytest.mark.parametrize(
    ("args", "environ", "words"),
    [
        (("--gallery", "mp16"), {}, "gallery 'mp16'"),
        (("--set", "yfcc4k"), {}, "yfcc4k_places365.csv"),
        (("--option", "positives=0"), {}, "the option 'positives' cannot be '0'"),
        (("--option", "preset=none"), {}, "these options do not go together"),
        (("--option", "method=g3"), {}, "--option cannot be 'method=g3'; give NAME=VALUE"),
        (("--leaks", "names"), {}, "--leaks cannot be 'names'"),
        ((), {"GEOFIX_MODEL": ""}, "asks a chat model, and none is configured"),
        (("--data", "nowhere"), {}, "there is no folder 'nowhere'"),
        (("geoclip",), {}, "GEOFIX_IMAGE_PLACE"),
    ],
)
def test_what_is_missing_is_named(
    reproduce: Reproduce,
    server: ChatServer,
    args: tuple[str, ...],
    environ: dict[str, str],
    words: str,
) -> None:
    methods = [one for one in args if one == "geoclip"]
    rest = [one for one in args if one not in methods]
    done = reproduce(*rest, method=methods[0] if methods else "img2loc", **environ)
    assert done.code in (4, 5) and words in done.said
    assert not server.received


def test_a_model_that_fails_is_told_and_counted_as_wrong(reproduce: Reproduce, data: Path) -> None:
    (data / "images" / FAR).write_bytes(b"no photo")
    with chat_server(openai_answer, Finished(said(1, 1)), Finished("I cannot tell.")) as failing:
        done = reproduce(
            "--yes", "--json", "--again", "failing", GEOFIX_MODEL_URL=f"{failing.url}/v1"
        )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["measured"]["2500"]["share"] == 0
    assert any("All count as wrong" in note for note in told["notes"])
    assert any("Not as asked, 1 of 2 answers: draft:" in note for note in told["notes"])


def test_photos_of_which_a_dead_server_said_nothing_are_asked_again(
    reproduce: Reproduce,
) -> None:
    asked = ("--yes", "--json", "--again", "dead")
    # It times one call and answers one photo; from then on it is dead, as its status says.
    with chat_server(openai_answer, said(0.5, 0.5), said(*PARIS)) as dying:
        done = reproduce(*asked, GEOFIX_MODEL_URL=f"{dying.url}/v1")
    told = json.loads(done.out)
    assert told["measured"]["25"]["share"] == 0.5
    assert any("server said nothing: 1." in note for note in told["notes"])
    with chat_server(openai_answer, "No idea where.", "Still none.", said(*PARIS)) as useless:
        done = reproduce(*asked, GEOFIX_MODEL_URL=f"{useless.url}/v1")
        told = json.loads(done.out)
        assert told["plan"]["left"] == 1 and told["measured"]["25"]["share"] == 0.5
        calls = len(useless.received)
        # What it answered was useless, and stays the answer.
        again = json.loads(reproduce(*asked, GEOFIX_MODEL_URL=f"{useless.url}/v1").out)
        assert again["plan"]["left"] == 0 and again["measured"] == told["measured"]
        assert len(useless.received) == calls
        assert not any("said nothing" in note for note in again["notes"])
