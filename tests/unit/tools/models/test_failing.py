"""Servers that fail: tried again where that helps, and a reason where it does not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from geofix.tools.models.ask import ask
from geofix.tools.models.failures import LONGEST_WAIT_S, WAITS_S, retry_after_s
from geofix.tools.models.load import load_chat_model
from tests.loopback import TOKENS_IN, TOKENS_OUT, Finished, Raw, chat_server
from tests.unit.tools.models.lab import PARIS, PROTOCOLS, Spot, asked, error, question

EVERY = pytest.mark.parametrize("provider", list(PROTOCOLS))
ONCE = {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}


@EVERY
def test_an_answer_names_the_model_that_gave_it_and_what_it_took(provider: str) -> None:
    answer, server = asked(provider, Finished(PARIS, model="tiny-2026-11-01"))
    assert answer.parsed == Spot(name="Paris")
    assert (answer.tokens, answer.calls) == (ONCE, 1)
    assert answer.model == "tiny-2026-11-01"
    assert (answer.failure, answer.notes, answer.cost) == (None, (), None)
    assert answer.seconds > 0
    assert len(server.received) == 1


def test_the_servers_build_and_its_cache_are_named_where_it_names_them() -> None:
    answer, _ = asked("openai", Finished(PARIS, fingerprint="fp_7", from_cache=500))
    assert answer.revision == "fp_7"
    assert answer.tokens == {**ONCE, "cached_input_tokens": 500}


@EVERY
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(
    provider: str, status: int, waits: list[float]
) -> None:
    answer, server = asked(provider, error(status, "busy"), error(status, "busy"), PARIS)
    assert answer.parsed is not None
    assert answer.calls == len(server.received) == 3
    assert waits == list(WAITS_S)


LOGIN = "ann:p%40ss%20w%22rd"
ECHOED = [
    LOGIN,
    'ann:p@ss w"rd',
    "p%40ss%20w%22rd",
    'p@ss w"rd',
    base64.b64encode(b'ann:p@ss w"rd').decode(),
    base64.b64encode(LOGIN.encode()).decode(),
    "t0pS3cret",
]


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_login_in_an_address_is_kept_out_of_what_a_server_echoes(status: int) -> None:
    body = json.dumps({"error": {"message": f"you sent \x1b[31m\u202e {' | '.join(ECHOED)}"}})
    echo = " | ".join(ECHOED)
    script = [Raw(status, body)] if status != 200 else [echo, echo]
    with chat_server(PROTOCOLS["openai"][0], *script) as server:
        url = f"http://{LOGIN}@127.0.0.1:{server.server_port}/v1?api_key=t0pS3cret"
        answer = ask(load_chat_model("openai:tiny", base_url=url), question(), Spot)
    assert answer.failure is not None and "***" in answer.failure
    for secret in ECHOED:
        assert secret not in repr(answer)
    assert not {"\x1b", "\u202e"} & set(answer.failure)
    if status != 200:
        assert r"\x1b[31m\u202e" in answer.failure


def test_a_login_is_kept_out_of_what_a_server_calls_itself() -> None:
    said = {"content": PARIS, "role": "assistant"}
    body = {
        "id": "x",
        "object": "chat.completion",
        "model": 'm p@ss w"rd',
        "system_fingerprint": 'Bearer p@ss w"rd',
        "choices": [{"index": 0, "finish_reason": "stop", "message": said}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    with chat_server(PROTOCOLS["openai"][0], Raw(200, json.dumps(body))) as server:
        url = f"http://{LOGIN}@127.0.0.1:{server.server_port}/v1?api_key=t0pS3cret"
        answer = ask(load_chat_model("openai:tiny", base_url=url), question(), Spot)
    assert answer.parsed is not None
    assert (answer.model, answer.revision) == ("m ***", "Bearer ***")


@EVERY
def test_the_pause_a_server_asks_for_is_kept(provider: str, waits: list[float]) -> None:
    answer, _ = asked(provider, error(429, "slow down", retry_after="7"), PARIS)
    assert answer.parsed is not None
    assert waits == [7.0]


def test_a_pause_may_be_given_as_a_date(waits: list[float]) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=15), usegmt=True)
    answer, _ = asked("openai", error(429, "slow down", retry_after=when), PARIS)
    assert answer.parsed is not None
    assert waits[0] == pytest.approx(14, abs=2)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


@pytest.mark.parametrize("pause", [str(LONGEST_WAIT_S + 1), "Fri, 31 Dec 2100 23:59:59 GMT", "inf"])
def test_a_server_that_wants_a_long_pause_is_given_up_on(pause: str, waits: list[float]) -> None:
    answer, server = asked("openai", error(429, "slow down", retry_after=pause))
    assert answer.failure is not None and "slow down" in answer.failure
    assert (len(server.received), waits) == (1, [])


@EVERY
def test_a_connection_cut_in_the_middle_of_an_answer_is_tried_again(
    provider: str, waits: list[float]
) -> None:
    answer, server = asked(provider, Raw(body=PARIS * 20, cut=True), PARIS)
    assert answer.parsed is not None
    assert (answer.calls, len(server.received)) == (2, 2)
    assert waits == [WAITS_S[0]]


@EVERY
def test_a_time_out_is_not_waited_for_twice(provider: str, waits: list[float]) -> None:
    answer, server = asked(provider, Raw(silent=True))
    assert answer.failure is not None and "time" in answer.failure.lower()
    assert (len(server.received), waits) == (1, [])


@EVERY
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_what_will_not_pass_is_not_tried_again(
    provider: str, status: int, waits: list[float]
) -> None:
    answer, server = asked(provider, error(status, "no such thing"))
    assert answer.failure is not None and "no such thing" in answer.failure
    assert (len(server.received), waits) == (1, [])


@EVERY
def test_an_answer_cut_at_the_limit_of_tokens_is_asked_for_again_and_shorter(provider: str) -> None:
    reason = {"anthropic": "max_tokens", "google": "max_tokens"}.get(provider, "length")
    answer, server = asked(provider, Finished(PARIS[:9], reason), PARIS)
    assert answer.parsed == Spot(name="Paris")
    assert answer.texts == (PARIS[:9], PARIS)
    assert answer.repaired is not None
    assert "cut off at the limit of tokens, so be brief" in answer.repaired
    assert "so be brief" in server.received[1].text
    assert answer.tokens["output_tokens"] == 2 * TOKENS_OUT


@EVERY
def test_prose_is_sent_back_once_with_what_is_wrong(provider: str) -> None:
    text = "It must be Paris." if provider != "anthropic" else '{"nom": "Paris"}'
    answer, server = asked(provider, text, PARIS)
    assert answer.parsed == Spot(name="Paris")
    assert answer.repaired and answer.repaired in server.received[1].text
    assert answer.calls == 2


@pytest.mark.parametrize("first", ["", '{"name": 7}', '{"name": null}', "[]", "{" * 5000])
def test_whatever_else_does_not_fit_is_sent_back_too(first: str) -> None:
    answer, _ = asked("openai", first, PARIS)
    assert answer.parsed == Spot(name="Paris")
    assert answer.repaired


def test_a_model_that_never_stops_writing_is_not_quoted_whole() -> None:
    _, server = asked("openai", "la " * 100_000, PARIS)
    assert len(server.received[1].text) < 20_000


@pytest.mark.parametrize("body", ["<html>Welcome to nginx</html>", "{}", '{"choices": []}', "null"])
@pytest.mark.parametrize("provider", ["openai", "ollama", "anthropic"])
def test_a_body_that_is_no_answer_is_a_failure_and_no_exception(provider: str, body: str) -> None:
    answer, _ = asked(provider, Raw(body=body))
    assert answer.failure is not None and answer.failure.startswith("the model")
