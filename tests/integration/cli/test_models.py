"""`geofix models check` over real HTTP; no database is there, and none is needed."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from geofix.tools.models.privacy import pictures_in, require_bare
from tests.integration.cli.conftest import Done, Geofix
from tests.integration.scripted_model import KEY, said
from tests.loopback import (
    TOKENS_IN,
    TOKENS_OUT,
    ChatServer,
    Finished,
    Raw,
    chat_server,
    openai_answer,
)
from tests.tiny_llava import save_tiny_llava

RED, BLUE = (json.dumps({"color": color}) for color in ("red", "blue"))
SEVERAL = Finished(said(), others=(said(confidence=0.5), said(confidence=0.4)))
NO_IMAGES = Raw(
    500,
    '{"error": {"code": 500, "type": "server_error", "message": "image input is not supported -'
    ' hint: if this is unexpected, you may need to provide the mmproj"}}',
)


def asked(geofix: Geofix, server: ChatServer, *more: str, **environ: str) -> Done:
    environ = {"GEOFIX_MODEL_URL": f"{server.url}/v1", "GEOFIX_MODEL_API_KEY": KEY, **environ}
    return geofix("models", "check", "openai:tiny", *more, **environ)


def test_what_works_is_printed_and_the_exit_code_says_that_it_can_draft(geofix: Geofix) -> None:
    first = Finished(said(), model="tiny-v2", fingerprint="fp_1")
    with chat_server(openai_answer, RED, BLUE, first, SEVERAL) as server:
        done = asked(geofix, server)
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in done.out.splitlines()}
    assert done.code == 0
    assert lines["asked"] == f"127.0.0.1:{server.server_port} (the photo stays on this machine)"
    assert lines["model"] == "tiny, revision fp_1"
    assert lines["images"] == "recognised: red as 'red', blue as 'blue'"
    assert lines["schema"] == "followed at the first try"
    assert lines["samples"].startswith(
        "3 of 3 answers usable, 3 of them different, from 1 call in "
    )
    assert lines["tokens"] == f"a draft took {TOKENS_IN} input and {TOKENS_OUT} output tokens"
    assert lines["speed"].startswith("first call ") and "tokens/s" in lines["speed"]
    assert done.out.splitlines()[-1] == "This model can draft answers."
    assert KEY not in done.out + done.err


def test_json_is_one_object_and_nothing_else(geofix: Geofix) -> None:
    with chat_server(openai_answer, RED, BLUE, said(), SEVERAL) as server:
        done = asked(geofix, server, "--json")
    found = json.loads(done.out)
    assert (done.code, done.err, found["can_draft"], found["why_not"]) == (0, "", True, None)
    assert json.loads(found["drafting"]["answer"]) == json.loads(said())
    assert found["several"]["calls"] == 1


def test_it_is_shown_two_colors_and_the_sample_photo_and_pixels_only(geofix: Geofix) -> None:
    with chat_server(openai_answer, RED, BLUE, said(), SEVERAL) as server:
        asked(geofix, server)
    sent = [request.body["messages"][-1]["content"] for request in server.received]
    sizes = [require_bare([HumanMessage(content)]) for content in sent]
    assert [len(one) for one in sizes] == [1, 1, 1, 1]
    pictures = [next(pictures_in([HumanMessage(content)])) for content in sent]
    assert len({*pictures}) == 3 and pictures[2] == pictures[3]
    assert len(base64.b64decode(pictures[2])) > 10_000
    assert [request.body.get("n") for request in server.received] == [None, None, None, 3]
    wanted = [request.body["response_format"]["type"] for request in server.received]
    assert wanted == ["json_schema"] * 4


@pytest.mark.parametrize(
    ("script", "word", "why"),
    [
        ((NO_IMAGES,), "images none: this model or server accepts only text", "takes no images"),
        ((RED, RED), "images not recognised: red as 'red', blue as 'red'", "cannot see"),
        ((RED, BLUE, "Paris", "Paris"), "schema not followed", "it wrote 'Paris'"),
        ((Raw(401, "{}"),), "images unknown, because the call failed", "401"),
    ],
)
def test_one_that_cannot_draft_has_an_exit_code_of_its_own(
    geofix: Geofix, script: tuple[str | Raw, ...], word: str, why: str
) -> None:
    more = (said(), SEVERAL) if len(script) == 2 else ()
    with chat_server(openai_answer, *script, *more) as server:
        done = asked(geofix, server)
    assert done.code == 7
    assert word in " ".join(done.out.split())
    assert (
        done.out.splitlines()[-1].startswith("This model cannot draft answers: ")
        and why in done.out
    )


def test_tokens_that_are_not_counted_are_told(geofix: Geofix) -> None:
    uncounted = Finished(said(), uncounted=True)
    with chat_server(openai_answer, RED, BLUE, uncounted, SEVERAL) as server:
        done = asked(geofix, server)
    assert done.code == 0
    assert "the server does not count tokens" in done.out and "tokens/s" not in done.out


def test_a_model_that_never_stops_does_not_fill_the_screen(geofix: Geofix) -> None:
    endless = json.dumps({"color": "red " * 500})
    with chat_server(openai_answer, endless, BLUE, said(), SEVERAL) as server:
        done = asked(geofix, server)
    shown = " ".join(done.out.split())
    assert "red red" in shown and "…', blue as 'blue'" in shown
    assert len(done.out) < 1000


def test_one_in_this_process_is_checked_as_one_elsewhere(geofix: Geofix, tmp_path: Path) -> None:
    folder = save_tiny_llava(tmp_path / "tiny-llava", said())
    done = geofix("models", "check", f"transformers:{folder}?max_new_tokens=40", "--json")
    found = json.loads(done.out)
    assert (done.code, found["host"], found["leaves"]) == (7, "in process", False)
    assert found["model"] == "tiny-llava" and found["revision"]
    # It knows one answer, whatever it sees: that fits a draft's schema, and no color's.
    assert found["pictures"]["sight"] != "told apart"
    assert found["drafting"]["fit"] == "first try"
    assert json.loads(found["drafting"]["answer"]) == json.loads(said())
    assert found["drafting"]["tokens"]["output_tokens"] == 2
    assert (found["several"]["usable"], found["several"]["calls"], found["cost"]) == (3, 1, 0)


def test_kept_answers_are_not_asked_for(geofix: Geofix) -> None:
    # They would say nothing of the server, and need the database, which is not there.
    with chat_server(openai_answer, RED, BLUE, said(), SEVERAL) as server:
        done = asked(geofix, server, GEOFIX_ANSWER_CACHE="true")
    assert done.code == 0
    assert len(server.received) == 4


def test_offline_nothing_is_sent_elsewhere(geofix: Geofix) -> None:
    done = geofix(
        *("models", "check", "openai:gpt-4.1"), GEOFIX_OFFLINE="1", GEOFIX_MODEL_API_KEY=KEY
    )
    assert done.code == 5
    assert "GEOFIX_OFFLINE" in done.said and "api.openai.com" in done.said


@pytest.mark.parametrize("name", [(), ("gemini:x",), ("openai:",)])
def test_a_model_that_is_none_is_a_set_up_that_is_missing(
    geofix: Geofix, name: tuple[str, ...]
) -> None:
    done = geofix("models", "check", *name)
    assert (done.code, done.out) == (5, "")
    assert "openai:Qwen/Qwen2.5-VL-7B-Instruct" in done.said


def test_the_settings_model_is_checked_where_none_is_named(geofix: Geofix) -> None:
    with chat_server(openai_answer, RED, BLUE, said(), SEVERAL) as server:
        done = geofix(
            *("models", "check"), GEOFIX_MODEL="openai:x", GEOFIX_MODEL_URL=f"{server.url}/v1"
        )
    assert done.code == 0
    assert server.received[0].body["model"] == "x"
