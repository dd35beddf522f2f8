"""embed: the photo becomes one vector, made once per photo and encoder."""

from __future__ import annotations

import time
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.agent.context import Context
from geofix.agent.methods.answering import require_method
from geofix.agent.run.intake import resolve
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import REFERENCE, SceneSeen, State
from geofix.tools.photo.read import from_jpeg
from geofix.tools.scene.classify import Classifier, read_scene


def embed(state: State, context: Context, services: Services) -> Outcome:
    """Embed the photo and keep its vector under its hash; neither enters the state.

    It begins a question, so it writes every field of the state anew.

    Raises:
        ModelError: The method asks a model, and none is configured.
        OptionError: The method compares photo and places, and nothing does that here.
    """
    require_method(context, services)
    return embedded(state, context, services)


def embedded(state: State, context: Context, services: Services) -> Outcome:
    """Do what `embed` does, also where nobody is there to ask: `geofix prompt` asks nobody."""
    photo = resolve(state.asked.photo, services.queries)
    encoder = services.encoder
    pixels = from_jpeg(photo.jpeg)
    known = services.queries.vector(photo.sha256, encoder.name)
    vector, logits = _look(pixels, services, embeds=known is None, classifies=context.reject_scenes)
    if vector is not None:
        services.queries.keep_vector(photo.sha256, encoder.name, vector)
    scene = None if logits is None else SceneSeen(**asdict(read_scene(pixels, logits)))
    shows = "" if scene is None else f", shows {scene.kind}"
    clean = State(
        asked=state.asked.model_copy(update={"photo": REFERENCE + photo.sha256}),
        encoder=encoder.name,
        region=state.within,
        planned=state.within,
        scene=scene,
        began_epoch_s=time.time(),
    )
    return Outcome(
        update={name: getattr(clean, name) for name in State.model_fields},
        summary=f"{'embedded by' if known is None else 'embedded before by'} {encoder.name}{shows}",
        detail={
            "sha256": photo.sha256,
            "width": photo.width,
            "height": photo.height,
            "format": photo.format,
            "notes": photo.notes,
            "encoder": encoder.name,
            "dimension": encoder.dimension,
            "embedded_before": known is not None,
            "scene": None if scene is None else scene.model_dump(mode="json"),
        },
    )


def _look(
    pixels: Image.Image, services: Services, *, embeds: bool, classifies: bool
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Return the photo's vector and its ImageNet logits, each where it is asked for."""
    encoder = services.encoder
    if embeds and classifies and isinstance(encoder, Classifier):
        vectors, classes = encoder.embed_and_classify([pixels])
        return vectors[0], classes[0]
    vector = encoder.embed([pixels])[0] if embeds else None
    return vector, services.classifier.logits([pixels])[0] if classifies else None
