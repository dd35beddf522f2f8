"""embed: the photo becomes one vector, made once per photo and encoder."""

from __future__ import annotations

import time

from geofix.agent.context import Context
from geofix.agent.errors import TrailError
from geofix.agent.intake import REFERENCE, resolve
from geofix.agent.outcome import Outcome
from geofix.agent.services import Services
from geofix.agent.state import State
from geofix.tools.images import from_jpeg


def embed(state: State, context: Context, services: Services) -> Outcome:
    """Embed the photo and keep its vector under its hash; neither enters the state."""
    photo = resolve(state.photo, services.queries)
    if state.sha256 and state.sha256 != photo.sha256:
        raise TrailError(
            f"this thread is about another photo (sha256 {state.sha256!r}); one thread is one"
            " photo, so start a new one"
        )
    encoder = services.encoder
    known = services.queries.vector(photo.sha256, encoder.name)
    if known is None:
        vector = encoder.embed([from_jpeg(photo.jpeg)])[0]
        services.queries.keep_vector(photo.sha256, encoder.name, vector)
    return Outcome(
        update={
            "photo": REFERENCE + photo.sha256,
            "sha256": photo.sha256,
            "encoder": encoder.name,
            "region": state.within,
            "began_epoch_s": time.time(),
        },
        summary=f"embedded by {encoder.name}" if known is None else f"known to {encoder.name}",
        detail={
            "sha256": photo.sha256,
            "width": photo.width,
            "height": photo.height,
            "format": photo.format,
            "notes": photo.notes,
            "encoder": encoder.name,
            "dimension": encoder.dimension,
            "embedded_before": known is not None,
        },
    )
