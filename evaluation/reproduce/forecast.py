"""What a run over a set will take: calls, tokens, money, hours and disk, told before it starts.

The rates come from photos of the same run that have a result, where there are any. Otherwise one
photo is embedded and searched for, and the model is called once about it; nothing of that is kept.
"""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, Field

from geofix.agent.cli.terminal import count
from geofix.agent.context import Context
from geofix.agent.draft.ask import sampling
from geofix.agent.draft.messages import side_px
from geofix.agent.draft.presets import PRESETS
from geofix.agent.services import Services
from geofix.db.search.query import Search
from geofix.db.search.status import encoder_statuses
from geofix.evaluation.run.result import EvalPhoto, Result
from geofix.tools.errors import PhotoError
from geofix.tools.models.ask import MOST_AT_ONCE, ask
from geofix.tools.models.budget import price_at
from geofix.tools.models.prices import Price
from geofix.tools.models.privacy import address_of
from geofix.tools.models.send import gives_several
from geofix.tools.photo.read import read_photo, to_jpeg

A_RUN_BYTES = 60_000
"""What a run writes beside the photo: checkpoints and trail (docs/architecture.md: 40 to 49 kB)."""


@dataclass(frozen=True, slots=True)
class Calls:
    """How often the model is called for one photo."""

    requests: int
    """Different prompts."""
    samples: int
    """Answers to each."""
    together: bool
    """Whether one call gives all answers to a prompt."""

    @property
    def calls(self) -> int:
        """Calls to the server, without repairs."""
        return self.requests if self.together else self.answers

    @property
    def answers(self) -> int:
        """Answers."""
        return self.requests * self.samples

    @property
    def waits(self) -> int:
        """Calls that wait for each other: answers to one prompt are asked for side by side."""
        rounds = 1 if self.together else math.ceil(self.samples / MOST_AT_ONCE)
        return self.requests * rounds


NO_CALLS = Calls(0, 0, together=True)


@dataclass(frozen=True, slots=True)
class Rates:
    """What one photo takes."""

    basis: str
    """What was measured."""
    seconds: float
    """Of one worker."""
    tokens: int | None
    """Input and output; none where the server does not count."""
    cost_usd: float | None
    """None where a price or a count is not known."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left to do, and what it will take."""

    photos: int
    """Of the set, as far as they are asked about."""
    done: int
    """Of those, that have a result."""
    calls: Calls
    rates: Rates | None
    """None where nothing may be called to measure."""
    workers: int
    photo_bytes: int
    """Of the files that are left."""
    gallery_photos: int
    gallery_bytes: int | None
    """Vectors and index of the encoder, all galleries; none where they cannot be told."""

    @property
    def left(self) -> int:
        """Photos without a result."""
        return self.photos - self.done

    @property
    def hours(self) -> float | None:
        """If the server takes as many photos at once as there are workers."""
        if self.rates is None:
            return None
        return self.left * self.rates.seconds / self.workers / 3600

    @property
    def tokens(self) -> int | None:
        """Input and output, of all that is left."""
        if self.rates is None or self.rates.tokens is None:
            return None
        return self.left * self.rates.tokens

    @property
    def cost_usd(self) -> float | None:
        """Of all that is left."""
        if self.rates is None or self.rates.cost_usd is None:
            return None
        return self.left * self.rates.cost_usd

    @property
    def written_bytes(self) -> int:
        """What the database grows by: each photo is kept, and what was asked of it."""
        return self.photo_bytes + self.left * A_RUN_BYTES


def calls_of(context: Context, model: BaseChatModel | None) -> Calls:
    """Return how often a model is called for one photo of a run."""
    preset = PRESETS.get(context.preset)
    if model is None or preset is None or not preset.neighbours:
        return NO_CALLS
    requests = 1 if context.route == "retrieval" else len(preset.neighbours)
    samples, _ = sampling(context)
    return Calls(requests, samples, together=samples == 1 or gives_several(model))


def rates_of(results: Sequence[Result]) -> Rates | None:
    """Return the rates of photos that have a result; none without any."""
    asked = [result for result in results if result.status != "failed"]
    if not asked:
        return None
    costs = [result.cost_usd for result in asked]
    return Rates(
        basis=f"measured on {count(len(asked), 'photo')} of this run",
        seconds=median(result.seconds for result in asked),
        tokens=round(fmean(result.tokens for result in asked)),
        cost_usd=None if None in costs else fmean(cost or 0.0 for cost in costs),
    )


def readable(photos: Sequence[EvalPhoto]) -> EvalPhoto:
    """Return the first photo that can be decoded; the first of all if none of a few can."""
    for photo in photos[:10]:
        try:
            read_photo(photo.picture.read())
        except PhotoError:
            continue
        return photo
    return photos[0]


class _Where(BaseModel):
    """Where a photo was taken."""

    latitude: float = Field(description="Degrees north.")
    longitude: float = Field(description="Degrees east.")


def timed(services: Services, context: Context, photo: EvalPhoto, calls: Calls) -> Rates:
    """Return the rates of one photo, measured; nothing is stored.

    The prompt has the photo and lists as long as the method's longest, but not its words.

    Raises:
        PhotoError: The photo cannot be read.
        ModelError: Nothing may be sent to the model.
    """
    pixels = read_photo(photo.picture.read()).pixels
    # The first one loads and compiles.
    services.encoder.embed([pixels])
    began = time.perf_counter()
    vector = services.encoder.embed([pixels])[0]
    search = Search(services.encoder.name, galleries=context.galleries, vectors=context.vectors)
    found = services.gallery.nearest(vector, context.positives, search)
    places = [(one.latitude, one.longitude) for one in found]
    if context.negatives and context.negatives_by == "dissimilar":
        unlike = services.gallery.most_dissimilar(vector, context.negatives, search)
        places += [(one.latitude, one.longitude) for one in unlike]
    searched = time.perf_counter() - began
    model = services.model
    if model is None or not calls.calls:
        return Rates("timed on one photo, without a model", searched, 0, 0.0)
    side = side_px(context, services)
    pixels.thumbnail((side, side))
    question = [
        {"type": "text", "text": f"Where was this photo taken? Similar photos: {places}"},
        {
            "type": "image",
            "base64": base64.b64encode(to_jpeg(pixels)).decode("ascii"),
            "mime_type": "image/jpeg",
        },
    ]
    said = ask(
        model,
        [HumanMessage(question)],  # type: ignore[arg-type]
        _Where,
        price=services.price,
        keep=False,
        privacy=services.privacy,
    )
    if not said.texts:
        return Rates(
            f"timed on one photo and one call, which failed ({said.failure})",
            searched + calls.waits * said.seconds,
            None,
            None,
        )
    name = services.drafted_by.partition(":")[2]
    price = services.price or price_at(address_of(model), said.model, name)
    return Rates(
        "timed on one photo and one call, whose prompt is about as long",
        searched + calls.waits * said.seconds / max(1, said.calls),
        *taken(said.tokens, calls, price),
    )


def taken(
    tokens: Mapping[str, int], calls: Calls, price: Price | None
) -> tuple[int | None, float | None]:
    """Return the tokens and the US dollars of one photo; none where they are not known.

    Args:
        tokens: Of one call with one answer, `input_tokens` and `output_tokens`.
        calls: How often the model is called for a photo.
        price: Of its tokens.
    """
    read, written = tokens.get("input_tokens"), tokens.get("output_tokens")
    if read is None or written is None:
        return None, None
    # One call with several answers reads its prompt once.
    per_call = {"input_tokens": read, "output_tokens": written * calls.answers // calls.calls}
    cost = None if price is None else price.cost(per_call)
    return calls.calls * sum(per_call.values()), None if cost is None else calls.calls * cost


def gallery_bytes(services: Services) -> int | None:
    """Return how much disk the vectors of the encoder and their index take."""
    name = services.encoder.name
    mine = [one for one in encoder_statuses(services.engine) if one.encoder == name]
    return sum(one.table_bytes + one.index_bytes for one in mine) if mine else None


def forecast_rows(forecast: Forecast, method: str, model: str) -> list[tuple[str, str]]:
    """Return a forecast as rows of a name and words."""
    calls, rates = forecast.calls, forecast.rates
    unknown = "not known" if rates is not None else "not measured"
    photos = f"{forecast.left:,}"
    if forecast.done:
        photos += f" left of {forecast.photos:,}; the others have a result"
    each = f"{calls.requests} x {calls.samples}" if calls.answers > 1 else f"{calls.answers}"
    hours = forecast.hours
    cost = "nothing" if not calls.calls else unknown
    if calls.calls and forecast.cost_usd is not None:
        cost = (
            f"${forecast.cost_usd:,.2f}" if forecast.cost_usd >= 1 else f"${forecast.cost_usd:.4f}"
        )
    elif calls.calls and rates is not None:
        cost = "not known: geofix has no price for the model; set GEOFIX_MODEL_PRICE"
    lines = [
        ("method", method),
        ("model", model if calls.calls else "none"),
        ("photos", photos),
        ("answers of the model", f"{forecast.left * calls.answers:,} ({each} a photo)"),
        ("calls", f"{forecast.left * calls.calls:,}, without repairs"),
        ("tokens", unknown if forecast.tokens is None else f"about {forecast.tokens:,}"),
        ("money", cost),
        ("time", unknown if hours is None else _duration(hours, forecast.workers)),
        ("measured", "nothing" if rates is None else rates.basis),
        ("gallery", _gallery(forecast)),
        (
            "disk",
            f"the photos take {_size(forecast.photo_bytes)}; the database grows by about"
            f" {_size(forecast.written_bytes)}",
        ),
    ]
    return lines


def _gallery(forecast: Forecast) -> str:
    photos = f"{forecast.gallery_photos:,} photos"
    if forecast.gallery_bytes is None:
        return photos
    return f"{photos}; all vectors of the encoder take {_size(forecast.gallery_bytes)}"


def _duration(hours: float, workers: int) -> str:
    told = f"{hours * 3600:,.0f} seconds"
    if hours >= 1:
        told = f"{hours:,.1f} hours"
    elif hours >= 1 / 30:
        told = f"{hours * 60:,.0f} minutes"
    elif hours * 3600 < 1:
        told = "less than a second"
    return f"{told} with {count(workers, 'worker')}"


def _size(number: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number:,} bytes"
