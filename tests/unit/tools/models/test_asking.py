"""A question and its answer: mended once, tried again, and never more than a reason why not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel

from geofix.db.errors import DatabaseError
from geofix.tools.models import failures as retrying
from geofix.tools.models.ask import MAX_REASON, ModelAnswer, ask
from tests.fakes import ScriptedChat


class Spot(BaseModel):
    name: str


PARIS = '{"name": "Paris"}'
QUESTION: list[BaseMessage] = [HumanMessage("where?")]


class StatusError(Exception):
    """As the providers' clients raise it."""

    def __init__(self, status_code: int, retry_after: str | None = None) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code
        headers = {} if retry_after is None else {"retry-after": retry_after}
        self.response = type("Response", (), {"headers": headers})()


def asked(*answers: Any) -> tuple[ModelAnswer[Spot], ScriptedChat]:
    model = ScriptedChat(answers=list(answers))
    return ask(model, QUESTION, Spot), model


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits that were asked for, not spent."""
    spent: list[float] = []
    monkeypatch.setattr(time, "sleep", spent.append)
    return spent


def test_a_good_answer_needs_one_call() -> None:
    answer, model = asked(PARIS)
    assert answer.parsed == Spot(name="Paris")
    assert answer.texts == (PARIS,)
    assert answer.tokens == {"input_tokens": 100, "output_tokens": 10}
    assert (answer.failure, answer.repaired, answer.cached) == (None, None, False)
    assert len(model.seen) == 1


def test_an_unusable_answer_is_sent_back_once_with_what_is_wrong() -> None:
    answer, model = asked('{"nom": "Paris"}', PARIS)
    assert answer.parsed == Spot(name="Paris")
    assert answer.repaired == "name: Field required"
    assert answer.texts == ('{"nom": "Paris"}', PARIS)
    assert answer.tokens == {"input_tokens": 200, "output_tokens": 20}
    first, wrote, mend = model.seen[1]
    assert first == QUESTION[0]
    assert wrote.text == '{"nom": "Paris"}'
    assert "name: Field required" in mend.text
    assert json.dumps(Spot.model_json_schema()) in mend.text


def test_the_question_itself_is_left_as_it_was() -> None:
    question = list(QUESTION)
    ask(ScriptedChat(answers=["", PARIS]), question, Spot)
    assert question == QUESTION


def test_two_unusable_answers_are_a_failure_that_quotes_the_last() -> None:
    answer, model = asked("Paris!", "Rome!")
    assert answer.parsed is None
    assert answer.failure is not None
    assert "no JSON object" in answer.failure
    assert "'Rome!'" in answer.failure
    assert answer.texts == ("Paris!", "Rome!")
    assert len(model.seen) == 2


def test_a_failed_repair_keeps_what_was_written_and_spent() -> None:
    answer, _ = asked("Paris!", ValueError("gone"))
    assert answer.failure == "the model failed: ValueError: gone"
    assert answer.texts == ("Paris!",)
    assert answer.tokens["input_tokens"] == 100


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_a_quick_failure_that_may_pass_is_tried_again(status: int, waits: list[float]) -> None:
    answer, model = asked(StatusError(status), StatusError(status, "3"), PARIS)
    assert answer.parsed is not None
    assert waits == [0.5, 3.0]
    assert len(model.seen) == 3


def test_three_tries_are_enough(waits: list[float]) -> None:
    answer, model = asked(*[StatusError(503)] * 4)
    assert answer.failure == "the model failed: StatusError: status 503"
    assert len(model.seen) == 3
    assert waits == [0.5, 2.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_will_not_pass_is_not_tried_again(status: int, waits: list[float]) -> None:
    answer, model = asked(StatusError(status))
    assert answer.failure is not None
    assert (len(model.seen), waits) == (1, [])


def test_a_server_that_wants_a_long_pause_is_given_up_on(waits: list[float]) -> None:
    answer, model = asked(StatusError(429, "3600"))
    assert answer.failure is not None
    assert (len(model.seen), waits) == (1, [])


def test_a_slow_failure_is_not_tried_again(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "QUICK_S", -1.0)
    answer, model = asked(StatusError(504))
    assert answer.failure is not None
    assert (len(model.seen), waits) == (1, [])


def test_a_time_out_is_not_tried_again(waits: list[float]) -> None:
    answer, model = asked(TimeoutError("timed out"))
    assert answer.failure == "the model failed: TimeoutError: timed out"
    assert (len(model.seen), waits) == (1, [])


def test_a_reason_names_its_causes_on_one_short_line() -> None:
    error = ConnectionError("Connection\nerror.")
    error.__cause__ = OSError("refused " + "xxx " * 1250)
    answer, _ = asked(error)
    assert answer.failure is not None
    assert "Connection error. / refused xxx" in answer.failure
    assert len(answer.failure) < MAX_REASON + 100


def test_a_database_that_fails_is_not_the_models_fault() -> None:
    with pytest.raises(DatabaseError):
        asked(DatabaseError("gone"))


def test_an_answer_postgres_cannot_hold_is_made_legible() -> None:
    answer, _ = asked("\0\ud800", PARIS)
    assert answer.texts[0] == "?"


class PlainChat(BaseChatModel):
    """Any LangChain model: no structured output, no tools."""

    message: AIMessage

    @property
    def _llm_type(self) -> str:
        return "plain"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.message)])


def test_a_model_without_structured_output_is_read_all_the_same() -> None:
    answer = ask(PlainChat(message=AIMessage(f"Well: {PARIS}")), QUESTION, Spot)
    assert answer.parsed == Spot(name="Paris")
    assert answer.tokens == {}


def test_an_answer_that_came_as_a_tool_call_is_read_and_kept() -> None:
    call = {"name": "Spot", "args": {"name": "Paris"}, "id": "1"}
    message = AIMessage("I will call a tool.", tool_calls=[call])  # type: ignore[list-item]
    answer = ask(PlainChat(message=message), QUESTION, Spot)
    assert answer.parsed == Spot(name="Paris")
    assert answer.texts == (PARIS,)


def test_a_refusal_is_not_argued_with() -> None:
    message = AIMessage("", additional_kwargs={"refusal": "I do not locate people."})
    answer = ask(PlainChat(message=message), QUESTION, Spot)
    assert answer.failure == "the model refused: I do not locate people."
    assert answer.repaired is None


class OddChat(ScriptedChat):
    """A client of the caller's own that does not give messages."""

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return RunnableLambda(lambda question: {"raw": "Paris!"})


def test_what_is_no_message_is_a_failure_too() -> None:
    answer = ask(OddChat(answers=[]), QUESTION, Spot)
    assert answer.failure == "the model failed: it answered with 'str' instead of a message"
