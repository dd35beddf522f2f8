"""Models that answer badly or not at all, over real HTTP."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import pytest

from geofix import Settings, open_agent
from geofix.agent.errors import ModelError
from geofix.tools.encoders import Encoder
from geofix.tools.models import failures as retrying
from geofix.tools.models.reply import MOST_TEXT
from geofix.tools.models.responses import MOST_BYTES
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import resumed
from tests.integration.scripted_model import KEY, is_in_paris, said
from tests.loopback import TOKENS_IN, Finished, Raw, openai_answer


@pytest.mark.parametrize(
    ("provider", "first"),
    [
        ("openai", ""),
        ("openai", "It is Paris, by the dome."),
        ("openai", said()[:120]),
        ("openai", said(latitude="north of here")),
        ("openai", said(confidence=90)),
        ("openai", said(clues=[{"kind": "text"}])),
        ("openai", "{}"),
        ("ollama", "It is Paris, by the dome."),
        ("ollama", said()[:120]),
        ("openai", Finished(said()[:99], "length")),
        ("anthropic", said(confidence=90)),
        ("google", said()[:120]),
    ],
)
def test_an_unusable_answer_is_mended_by_one_turn_that_says_what_is_wrong(
    lab: Any, provider: str, first: str | Finished
) -> None:
    opened = lab(first, said(), provider=provider)
    fix, step = opened.locate()
    assert fix.drafted_by == f"{provider}:tiny"
    assert fix.degraded == []
    wrong = step.detail["repaired"]
    assert wrong
    assert len(opened.server.received) == 2
    body = opened.server.received[1].body
    last = (body.get("messages") or body["contents"])[-1]
    assert last["role"] == "user"
    assert f"That answer cannot be used: {wrong}." in str(last).replace("\\'", "'")
    assert step.detail["tokens"]["input_tokens"] == 2 * TOKENS_IN


@pytest.mark.parametrize("provider", ["openai", "ollama"])
@pytest.mark.parametrize("wrapped", ["```json\n{}\n```", "Sure! Here it is:\n{}\nAnything else?"])
def test_a_fence_or_prose_around_the_answer_needs_no_second_turn(
    lab: Any, provider: str, wrapped: str
) -> None:
    opened = lab(wrapped.replace("{}", said()), provider=provider)
    fix, step = opened.locate()
    assert fix.drafted_by == f"{provider}:tiny"
    assert step.detail["repaired"] is None
    assert len(opened.server.received) == 1


BUSY = Raw(503, '{"error": {"message": "busy"}}', {"retry-after": "0"})
DENIED = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}})
FAILURES: dict[str, tuple[tuple[str | Finished | Raw, ...], str]] = {
    "500": ((Raw(500, '{"error": {"message": "boom"}}', {"retry-after": "0"}),) * 3, "500"),
    "503": ((BUSY,) * 3, "busy"),
    "401": ((Raw(401, DENIED),), "401"),
    "404": ((Raw(404, "no such model"),), "404"),
    "429": ((Raw(429, "{}", {"retry-after": "3600"}),), "429"),
    "silent": ((Raw(silent=True),), "timed out"),
    "cut": ((Raw(body=said() * 3, cut=True),) * 3, "closed connection"),
    "html": ((Raw(body="<html>Welcome to nginx</html>"),), "JSON"),
    "no choices": ((Raw(body="{}"),), "the model failed"),
    "length": ((Finished(said()[:99], "length"),) * 2, "limit of 4,096 tokens"),
    "no images": ((Raw(500, '{"error": {"message": "image input is not supported"}}'),), "images"),
    "refusal": ((Finished(None, refusal="I do not locate people."),), "I do not locate people."),
    "empty twice": (("", ""), "it is empty"),
    "prose twice": (("Paris", "Paris!"), "it wrote 'Paris!'"),
    "mended too late": (("Paris", Raw(401, DENIED)), "401"),
}
OLLAMA_FAILURES = ("401", "404", "silent", "cut", "html", "no choices", "empty twice")
ANTHROPIC_FAILURES = ("500", "401", "429", "silent", "cut", "no images")
GOOGLE_FAILURES = ("500", "401", "429", "silent", "cut", "html", "no images")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "WAITS_S", (0.0, 0.0))


@pytest.mark.parametrize(
    ("provider", "failure"),
    [
        *[("openai", name) for name in FAILURES],
        *[("ollama", name) for name in OLLAMA_FAILURES],
        *[("anthropic", name) for name in ANTHROPIC_FAILURES],
        *[("google", name) for name in GOOGLE_FAILURES],
    ],
)
def test_whatever_fails_ends_in_an_answer_that_says_so(
    lab: Any, provider: str, failure: str
) -> None:
    script, word = FAILURES[failure]
    more = {} if provider == "ollama" else {"model_api_key": KEY}
    opened = lab(*script, provider=provider, **more)
    fix, step = opened.locate()
    assert fix.drafted_by == "consensus"
    assert is_in_paris(fix)
    (reason,) = fix.degraded
    assert reason.code == "model_failed" and reason.text.startswith("draft: the model")
    assert reason.text.endswith("; the photos voted instead")
    assert word.lower() in reason.text.lower()
    assert step.degraded == (reason.text,)
    assert step.detail["model"] == f"{provider}:tiny"
    assert len(opened.server.received) == len(script)
    if provider != "ollama":
        trail = opened.agent.services.trail.read(fix.run)
        assert KEY not in f"{trail!r}{fix!r}{opened.agent.services.settings!r}"


def test_a_server_that_is_not_there_ends_in_an_answer(starter_url: str, encoder: Encoder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        settings = Settings(database_url=starter_url, model="openai:tiny", model_url=url)
        with open_agent(settings, encoder=encoder) as agent:
            fix = agent.locate(sample_path())
    assert fix.method.drafted_by == "consensus"
    assert "Connection refused" in fix.warnings[0].text


def test_a_busy_server_is_asked_again(lab: Any) -> None:
    opened = lab(BUSY, said())
    fix, _ = opened.locate()
    assert (fix.drafted_by, fix.degraded) == ("openai:tiny", [])
    assert len(opened.server.received) == 2


@pytest.mark.parametrize("model", ["gemini:tiny", "openai:tiny", "anthropic:tiny", "google:tiny"])
def test_a_model_that_cannot_be_set_up_is_an_error_and_no_answer(
    model: str, starter_url: str, encoder: Encoder
) -> None:
    # No address and no key: there is nothing to ask.
    settings = Settings(database_url=starter_url, model=model)
    with open_agent(settings, encoder=encoder) as agent, pytest.raises(ModelError):
        agent.locate(sample_path())


def answered(text: str = "", **changes: Any) -> Raw:
    """A response whose parts are what a test makes of them, Python's JSON dialect included."""
    response = json.loads(openai_answer(Finished(text or said()), "tiny"))
    return Raw(body=json.dumps({**response, **changes}))


def counting(read: Any, written: Any = 64) -> Raw:
    return answered(usage={"prompt_tokens": read, "completion_tokens": written, "total_tokens": 1})


def stopping(reason: Any) -> Raw:
    message = {"role": "assistant", "content": said()}
    return answered(choices=[{"index": 0, "message": message, "finish_reason": reason}])


LONG = "la " * MOST_TEXT
DEGREES = said(latitude=12345).replace("12345", "{}")
HOSTILE: dict[str, tuple[Raw | str, str | None]] = {
    "digits in the answer": (DEGREES.replace("{}", "4" * 4301), "out of range"),
    "digits in the response": (Raw(body=f'{{"created": {"4" * 4301}}}'), "the model failed"),
    "a large number": (DEGREES.replace("{}", "4" * 4000), "a valid number"),
    "infinity": (DEGREES.replace("{}", "Infinity"), "not on the Earth"),
    "no number": (DEGREES.replace("{}", "NaN"), "not on the Earth"),
    "deep": ('{"clues":' + "[" * 60_000, "broken"),
    "deep response": (Raw(body='{"choices":' + "[" * 10**6), "the model failed"),
    "half a character": ('{"clues": [{"kind": "text", "observation": "\\ud800"}]}', "hex escape"),
    "NUL": (said(hypotheses=["a\0b"]), None),
    "many": (said(hypotheses=["Paris"] * 5000), None),
    "long": (LONG + said(), f"of {len(LONG + said()):,} characters"),
    "2^64 tokens": (counting(2**64), "reports 18446744073709551616 as input_tokens"),
    "negative tokens": (counting(812, -64), "reports -64 as output_tokens"),
    "a fraction of a token": (counting(0.5), None),
    "words for tokens": (counting("many"), None),
    "a name that is none": (answered(model={"a": 1}, system_fingerprint=["f"]), None),
    "a long name": (answered(model="\0" * 10**6, system_fingerprint="f" * 10**6), None),
    "a reason that is none": (stopping({"length": [1]}), None),
    "a bomb": (
        Raw(body=gzip.compress(b" " * 2 * MOST_BYTES), headers={"content-encoding": "gzip"}),
        "once it is unpacked",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_server_says_the_run_ends_is_kept_and_can_be_resumed(
    lab: Any, name: str
) -> None:
    script, word = HOSTILE[name]
    opened = lab(*[script] * 4)
    fix, step = opened.locate(max_rounds=1)
    assert fix.status in {"located", "abstained"}
    assert step.detail["calls"] == len(opened.server.received) >= 1
    assert len(json.dumps(step.detail["answers"])) < 3 * MOST_TEXT
    assert word is None or word in f"{fix.degraded} {step.detail['notes']} {step.detail['answers']}"
    assert resumed(opened.agent, fix.run) == fix
    trail = opened.agent.services.trail.read(fix.run)
    assert trail.settled is not None and trail.finished_at is not None
