"""What a run will take is told in calls, tokens, money, hours and bytes."""

from __future__ import annotations

import pytest

from geofix.evaluation.reproduce.forecast import (
    A_RUN_BYTES,
    NO_CALLS,
    Calls,
    Forecast,
    Rates,
    forecast_rows,
    rates_of,
    taken,
)
from geofix.evaluation.run.result import Result
from geofix.tools.models.prices import Price

G3 = Calls(requests=4, samples=5, together=True)


def _forecast(rates: Rates | None, calls: Calls = G3, done: int = 0) -> Forecast:
    return Forecast(
        photos=2_997,
        done=done,
        calls=calls,
        rates=rates,
        workers=4,
        photo_bytes=300_000_000,
        gallery_photos=4_120_000,
        gallery_bytes=9_000_000_000,
    )


def test_calls_and_answers_of_several_prompts() -> None:
    assert (G3.calls, G3.answers, G3.waits) == (4, 20, 4)
    # A server that gives one answer a call is asked for five side by side.
    one_by_one = Calls(requests=4, samples=5, together=False)
    assert (one_by_one.calls, one_by_one.answers, one_by_one.waits) == (20, 20, 4)
    assert Calls(1, 20, together=False).waits == 3
    assert (NO_CALLS.calls, NO_CALLS.answers, NO_CALLS.waits) == (0, 0, 0)


def test_the_plan_states_what_all_that_is_left_takes() -> None:
    rates = Rates("timed on one photo and one call", seconds=12.0, tokens=4_000, cost_usd=0.04)
    forecast = _forecast(rates, done=997)
    assert forecast.left == 2_000
    assert forecast.hours == pytest.approx(2_000 * 12 / 4 / 3600)
    assert forecast.tokens == 8_000_000 and forecast.cost_usd == pytest.approx(80)
    assert forecast.written_bytes == 300_000_000 + 2_000 * A_RUN_BYTES
    told = dict(forecast_rows(forecast, "g3", "openai:m"))
    assert told["photos"] == "2,000 left of 2,997; the others have a result"
    assert told["answers of the model"] == "40,000 (4 x 5 a photo)"
    assert told["calls"] == "8,000, without repairs"
    assert told["money"] == "$80.00" and told["time"] == "1.7 hours with 4 workers"
    assert told["disk"] == "the photos take 300.0 MB; the database grows by about 420.0 MB"
    assert told["gallery"] == "4,120,000 photos; all vectors of the encoder take 9.0 GB"


def test_one_call_with_several_answers_reads_its_prompt_once() -> None:
    tokens, price = {"input_tokens": 1_000, "output_tokens": 50}, Price(2, 10)
    together = taken(tokens, G3, price)
    assert together == (4 * (1_000 + 5 * 50), pytest.approx(4 * (0.002 + 5 * 0.0005)))
    apart = taken(tokens, Calls(4, 5, together=False), price)
    assert apart == (20 * 1_050, pytest.approx(20 * 0.0025))
    assert taken(tokens, G3, None) == (5_000, None)
    assert taken({}, G3, price) == (None, None)


def test_what_is_not_known_is_not_made_up() -> None:
    unpriced = Rates("timed", seconds=1.0, tokens=None, cost_usd=None)
    told = dict(forecast_rows(_forecast(unpriced), "g3", "openai:m"))
    assert told["tokens"] == "not known" and "GEOFIX_MODEL_PRICE" in told["money"]
    told = dict(forecast_rows(_forecast(None), "g3", "openai:m"))
    assert told["time"] == told["tokens"] == told["money"] == "not measured"
    assert told["measured"] == "nothing"
    free = Rates("timed on one photo, without a model", seconds=0.1, tokens=0, cost_usd=0.0)
    told = dict(forecast_rows(_forecast(free, NO_CALLS), "geoclip", "openai:m"))
    assert told["money"] == "nothing" and told["model"] == "none"
    assert told["time"] == "75 seconds with 4 workers"


def test_photos_that_have_a_result_tell_the_rates() -> None:
    def result(seconds: float, tokens: int, cost: float | None, status: str = "located") -> Result:
        return Result.model_validate(
            {
                "photo": str(seconds),
                "status": status,
                "seconds": seconds,
                "tokens": tokens,
                "cost_usd": cost,
            }
        )

    some = [result(2, 100, 0.1), result(4, 300, 0.3), result(90, 200, 0.2)]
    rates = rates_of([*some, result(0, 0, 0.0, "failed")])
    assert rates is not None
    assert (rates.seconds, rates.tokens, rates.cost_usd) == (4, 200, pytest.approx(0.2))
    assert "3 photos of this run" in rates.basis
    unpriced = rates_of([*some, result(3, 10, None)])
    assert unpriced is not None and unpriced.cost_usd is None
    assert rates_of([]) is None and rates_of([result(0, 0, 0.0, "failed")]) is None
