"""What a run may spend, and what the trail knows of a call before it is made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from geofix.agent.errors import ModelError
from tests.integration.scripted_model import DOME, is_in_paris, said
from tests.loopback import TOKENS_IN, TOKENS_OUT, Finished, Raw, openai_answer

POINT = json.dumps({"latitude": DOME[0], "longitude": DOME[1]})
A_CALL = TOKENS_IN + TOKENS_OUT


def spent(fix: Any) -> str:
    return " ".join(reason.text for reason in fix.degraded if reason.code == "budget_spent")


def test_tokens_that_are_spent_end_the_asking_and_the_run_settles(lab: Any) -> None:
    opened = lab(*[POINT] * 20)
    fix, step = opened.locate(preset="g3", max_rounds=1, max_tokens=A_CALL)
    # Five answers were asked for at once, and the server gave one: the rest is not asked for.
    assert len(opened.server.received) == step.detail["calls"] == 1
    assert step.detail["tokens"] == {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}
    assert f"the budget of {A_CALL:,} tokens is spent" in spent(fix)
    assert is_in_paris(fix)


def test_no_second_is_left_no_call_is_made_and_the_photos_vote(lab: Any) -> None:
    opened = lab(said())
    fix, step = opened.locate(max_seconds=0)
    assert opened.server.received == []
    assert "sent" not in step.detail
    assert fix.drafted_by == "consensus"
    assert "the budget of 0 s is spent; the photos voted instead" in spent(fix)


def test_money_is_counted_at_the_price_that_is_given(lab: Any) -> None:
    opened = lab(*[POINT] * 20, model_price="1000/0")
    fix, step = opened.locate(preset="g3", max_rounds=1, max_cost=1.0)
    # The second list is not asked: the first took 0.81 dollars for one answer, and as much for each
    # of the four others, which went out together.
    assert len(opened.server.received) == 5
    assert step.detail["cost_usd"] == pytest.approx(5 * TOKENS_IN / 1000)
    assert "the budget of $1 is spent" in spent(fix)


def test_money_that_cannot_be_counted_is_an_error_before_anything_is_sent(lab: Any) -> None:
    opened = lab(said())
    with pytest.raises(ModelError, match=r"a budget of \$1 cannot be enforced for 'tiny'"):
        opened.locate(max_cost=1.0)
    assert opened.server.received == []


def test_a_price_that_is_none_is_told_before_the_run(lab: Any) -> None:
    with pytest.raises(ModelError, match="the price 'cheap' cannot be read"):
        lab(said(), model_price="cheap").locate()


def test_a_call_stands_in_the_trail_before_it_is_made(lab: Any) -> None:
    opened = lab(said())
    seen: list[Any] = []

    def answer(finished: Finished, model: str) -> str:
        trail = opened.agent.services.trail
        (run,) = trail.latest(1)
        seen.extend(trail.read(run.id).steps)
        return openai_answer(finished, model)

    opened.server.protocol = answer
    _, step = opened.locate(max_rounds=1)
    pending = seen[-1]
    assert (pending.node, pending.task_id) == ("draft", step.task_id)
    assert pending.summary.startswith("sending to 127.0.0.1:")
    (call,) = pending.detail["sent"]
    request = opened.server.received[0]
    assert call["host"] == f"127.0.0.1:{opened.server.server_port}"
    assert (call["pictures"], call["leaves"]) == (1, False)
    assert 0 < call["picture_bytes"] < len(request.text)
    assert step.detail["sent"] == [call]


def test_a_call_that_failed_stands_in_the_trail_too(lab: Any) -> None:
    fix, step = lab(Raw(400, "no")).locate(max_rounds=1)
    assert len(step.detail["sent"]) == 1
    assert fix.drafted_by == "consensus"
