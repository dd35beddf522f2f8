"""Whatever a server says is bounded on its way in, and the answer says what was cut."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage

from geofix.tools.models import responses
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.budget import Budget, Spent, Terms
from geofix.tools.models.calls import Caller
from geofix.tools.models.prices import Price
from geofix.tools.models.reply import MOST_NAME, MOST_TEXT, MOST_TOKENS, reply_of
from geofix.tools.models.responses import MOST_LINES
from geofix.tools.models.send import LONGEST_CALL_S, longest_call_s
from tests.fakes import ScriptedChat
from tests.loopback import TOKENS_IN, TOKENS_OUT, Finished, Raw, chat_server, openai_answer
from tests.unit.tools.models.lab import (
    PARIS,
    PROTOCOLS,
    SILENT_S,
    Spot,
    asked,
    error,
    question,
    served,
)

EVERY = pytest.mark.parametrize("provider", list(PROTOCOLS))
GZIP = {"content-encoding": "gzip"}


def packed(body: bytes, encoding: str = "gzip") -> Raw:
    return Raw(body=gzip.compress(body), headers={"content-encoding": encoding})


@pytest.mark.parametrize(
    ("provider", "where"), [*((name, "body") for name in PROTOCOLS), ("openai", "headers")]
)
def test_a_call_ends_in_time_though_bytes_go_on_coming(provider: str, where: Any) -> None:
    with served(provider, Raw(drips=where), timeout_s=SILENT_S) as (model, _):
        answer = ask(model, question(), Spot)
        left_behind = [one for one in threading.enumerate() if one.name == "geofix-call"]
        # The server drips on: only a cut connection ends the work.
        for thread in left_behind:
            thread.join(30)
        assert not any(thread.is_alive() for thread in left_behind)
    assert answer.failure is not None
    assert f"timed out: no answer within {SILENT_S} s" in answer.failure
    assert (answer.calls, answer.cost) == (1, None)


@EVERY
def test_an_answer_may_come_as_gzip(provider: str) -> None:
    body = PROTOCOLS[provider][0](Finished(PARIS), "tiny").encode()
    answer, server = asked(provider, packed(body))
    assert answer.parsed == Spot(name="Paris")
    assert server.received[0].headers["accept-encoding"] == "identity"


BOUND = 2**18
"""Bytes, in the place of 16 MiB, which take a quarter of a second to send."""

BAD_BODIES = {
    "bomb": (
        packed(b" " * (BOUND + 1)),
        f"more than {BOUND:,} bytes once it is unpacked",
    ),
    "large": (Raw(body=" " * (BOUND + 1)), f"more than {BOUND:,} bytes; the rest"),
    "lines": (Raw(body="\n" * (MOST_LINES + 1)), f"more than {MOST_LINES:,} lines"),
    "returns": (Raw(body="\r" * (MOST_LINES + 1)), f"more than {MOST_LINES:,} lines"),
    "separators": (Raw(body="\u2028" * (MOST_LINES + 1)), f"more than {MOST_LINES:,} lines"),
    "twice": (packed(b"", "gzip, gzip"), "compressed as 'gzip, gzip'"),
    "brotli": (packed(b"", "br"), "compressed as 'br'"),
    "no gzip": (Raw(body=PARIS, headers=GZIP), "claims to be gzip but is not"),
    "cut gzip": (Raw(body=gzip.compress(b"{}")[:-9], headers=GZIP), "gzip response was cut off"),
    "error": (Raw(500, "x" * (BOUND + 1)), f"more than {BOUND:,} bytes"),
    "deep": (Raw(body="[" * 100_000), "the model failed"),
    "digits": (Raw(body=f'{{"choices": {"1" * 5000}}}'), "the model failed"),
}


@pytest.mark.parametrize(
    ("provider", "name"),
    [*(("openai", name) for name in BAD_BODIES), *((name, "bomb") for name in PROTOCOLS)],
)
def test_a_body_past_a_bound_is_a_failure_that_names_it(
    provider: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "MOST_BYTES", BOUND)
    raw, reason = BAD_BODIES[name]
    answer, server = asked(provider, raw, raw, raw)
    assert answer.failure is not None and reason in answer.failure
    assert len(server.received) == answer.calls == 1


@pytest.mark.parametrize("finish", ["length", "content_filter"])
@pytest.mark.parametrize(
    "choice", [{"message": None}, {}, {"message": "hi"}, None, {"message": {"content": None}}]
)
def test_a_choice_that_is_none_is_a_failure(finish: str, choice: dict[str, Any] | None) -> None:
    whole = {"index": 0, "finish_reason": finish, "message": {"content": None}}
    other = None if choice is None else {"index": 0, "finish_reason": finish, **choice}
    choices = [whole, other] if other is None else [other]
    body = json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": choices})
    answer, _ = asked("openai", Raw(200, body), Raw(200, body))
    assert answer.parsed is None and answer.failure


@EVERY
def test_the_photo_follows_no_redirect(provider: str) -> None:
    with chat_server(PROTOCOLS[provider][0], PARIS) as other:
        answer, _ = asked(provider, Raw(307, "{}", {"location": other.url}))
        assert other.received == []
    assert answer.failure is not None and "307" in answer.failure


def test_a_long_answer_is_read_and_kept_from_its_end_and_says_so() -> None:
    thought = "la " * MOST_TEXT
    text = thought + PARIS
    with served("openai", text, PARIS) as (model, server):
        model.cache = InMemoryCache()
        answer = ask(model, question(), Spot)
        ask(model, question(), Spot)
    assert answer.parsed == Spot(name="Paris")
    (kept,) = answer.texts
    head, _, tail = kept.partition("\n")
    cut = f"cut to the last {MOST_TEXT:,} of {len(text):,} characters"
    assert head == f"[{cut}, SHA-256 of all {hashlib.sha256(text.encode()).hexdigest()}]"
    assert tail == text[-MOST_TEXT:]
    assert any(cut in note for note in answer.notes)
    # What was cut is not kept for the next time.
    assert len(server.received) == 2


def test_a_long_answer_without_an_object_is_asked_for_again_and_shorter() -> None:
    answer, server = asked("openai", "la " * MOST_TEXT, PARIS)
    assert answer.parsed == Spot(name="Paris")
    assert answer.repaired is not None
    assert answer.repaired.startswith(f"it has more than {MOST_TEXT:,} characters, so be brief")
    assert len(server.received[1].text) < 20_000


def counted(read: Any, written: Any) -> Raw:
    said = json.loads(openai_answer(Finished(PARIS), "tiny"))
    said["usage"] |= {"prompt_tokens": read, "completion_tokens": written}
    return Raw(body=json.dumps(said))


@pytest.mark.parametrize("count", [2**64, -812, MOST_TOKENS + 1])
@pytest.mark.parametrize("limit", [{"max_tokens": 10**6}, {"max_cost": 1e9}])
def test_a_count_that_cannot_be_is_unknown_and_ends_a_budget(
    count: int, limit: dict[str, Any]
) -> None:
    budget = Budget(**limit)
    with served("openai", counted(count, TOKENS_OUT), PARIS) as (model, _):
        first = ask(model, question(), Spot, budget=budget, price=Price(1, 1))
        second = ask(model, question(), Spot, budget=budget, price=Price(1, 1))
    assert first.parsed == Spot(name="Paris")
    assert (first.tokens, first.cost, first.uncounted) == ({"output_tokens": TOKENS_OUT}, None, 1)
    assert any(f"the server reports {count} as input_tokens" in note for note in first.notes)
    assert budget.spent.tokens == TOKENS_OUT
    assert second.failure is not None and "usable token count" in second.failure


def test_rounds_before_whose_tokens_are_unknown_end_a_budget_in_tokens() -> None:
    before = Spent(cost=0.0, tokens=None, seconds=0.0)
    assert "usable token count" in str(Budget(max_tokens=10, before=before).exhausted())
    assert Budget(max_cost=1.0, before=before).exhausted() is None


@pytest.mark.parametrize(
    "said",
    [
        {"model_name": {"a": 1}, "system_fingerprint": ["fp"]},
        {"finish_reason": ["stop"], "stop_reason": {"a": 1}},
        {"incomplete_details": "max_tokens", "prompt_feedback": "blocked"},
        {"model_name": "\0\ud800" * 10_000, "system_fingerprint": "f\n" * 10_000},
    ],
)
def test_what_a_server_says_beside_the_answer_is_typed_and_bounded(said: dict[str, Any]) -> None:
    reply = reply_of(AIMessage(PARIS, response_metadata=said))
    assert (reply.text, reply.refusal, reply.cut) == (PARIS, None, False)
    for name in (reply.model, reply.revision):
        assert name is None or (len(name) <= MOST_NAME and "\0" not in name and "\n" not in name)
        json.dumps(name, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "count", ["812", 812.5, True, None, 10**5000], ids=["text", "float", "bool", "none", "long"]
)
def test_a_count_that_is_no_number_is_unknown(count: Any) -> None:
    raw = AIMessage(PARIS)
    raw.usage_metadata = {"input_tokens": count, "output_tokens": 64, "input_token_details": []}  # type: ignore[typeddict-item]
    reply = reply_of(raw)
    assert reply.tokens == {"output_tokens": 64}
    assert len("".join(reply.notes)) < 200


def test_arguments_that_are_no_json_are_an_unusable_answer() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    raw = AIMessage("")
    for arguments in (deep, {"a": 10**5000}, {"a": {1, 2}}):
        raw.tool_calls = [{"name": "Spot", "args": arguments, "id": "1"}]
        assert reply_of(raw).text.startswith("(arguments that are not JSON")


def test_samples_that_are_kept_are_given_though_the_call_for_the_rest_fails() -> None:
    with served("openai", PARIS, error(401, "bad key")) as (model, server):
        model.cache = InMemoryCache()
        ask_many(model, question(), Spot, 1, keep=True)
        answers = ask_many(model, question(), Spot, 3, keep=True)
    assert [one.parsed for one in answers] == [Spot(name="Paris"), None, None]
    assert [one.cached for one in answers] == [True, False, False]
    assert all("bad key" in str(one.failure) for one in answers[1:])
    assert len(server.received) == sum(one.calls for one in answers) + 1 == 2


def test_a_closed_model_gives_what_is_kept_and_is_not_called() -> None:
    with served("openai", PARIS) as (model, server):
        model.cache = InMemoryCache()
        ask(model, question(), Spot, keep=True)
        answers = ask_many(model, question(), Spot, 2, keep=True, closed="it failed before")
    assert [one.parsed for one in answers] == [Spot(name="Paris"), None]
    assert answers[1].failure == "the model was not asked: it failed before"
    assert len(server.received) == 1


def test_no_more_answers_are_read_than_were_asked_for() -> None:
    with served("openai", Finished(PARIS, others=(PARIS,) * 50)) as (model, _):
        replies = Caller(model, Spot, Terms()).replies(question(), 2)
    assert [reply.tokens.get("input_tokens") for reply, _ in replies] == [TOKENS_IN, None]


@EVERY
def test_the_time_out_of_a_client_is_the_longest_call(provider: str) -> None:
    with served(provider, timeout_s=7) as (model, _):
        assert longest_call_s(model) == 7


def test_a_model_without_a_time_out_has_a_longest_call_unless_it_is_in_this_process() -> None:
    model = ScriptedChat(answers=[])
    assert longest_call_s(model) == LONGEST_CALL_S
    object.__setattr__(model, "in_process", True)
    assert longest_call_s(model) is None
