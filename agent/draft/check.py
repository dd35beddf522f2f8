"""Whether the configured model can draft: it is asked a draft's own question about the sample."""

from __future__ import annotations

from collections.abc import Callable

from geofix.agent.context import Context
from geofix.agent.draft.ask import SEVERAL
from geofix.agent.draft.lists import Shown
from geofix.agent.draft.messages import draft_messages, side_px
from geofix.agent.draft.presets import PRESETS
from geofix.agent.errors import ModelError
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.tools.models.check import ModelCheck, check_model
from geofix.tools.photo.read import read_photo, to_jpeg
from geofix.tools.photo.samples import sample_path


def check(
    settings: Settings, name: str | None, on_step: Callable[[str], None] = lambda line: None
) -> ModelCheck:
    """Call a model and say what it can do. No database is opened, no kept answer used.

    Args:
        settings: Address and key of the model.
        name: As `provider:model`; the settings' own otherwise.
        on_step: Called with a line before anything slow.

    Raises:
        ModelError: There is no model, or it cannot be set up.
        PhotoError: The sample photo is not installed.
    """
    asked = settings.model_copy(update={"model": name or settings.model, "answer_cache": False})
    if asked.model is None:
        raise ModelError(
            "no model is named; give one as provider:model, or set GEOFIX_MODEL, for example to"
            " 'openai:Qwen/Qwen2.5-VL-7B-Instruct'"
        )
    pixels = read_photo(sample_path()).pixels
    with Services(asked) as services:
        on_step(f"setting up {asked.model}")
        model = services.model
        assert model is not None
        side = side_px(Context(), services)
        pixels.thumbnail((side, side))
        preset = PRESETS["geofix"]
        question = draft_messages(preset, to_jpeg(pixels), Shown())
        return check_model(
            model,
            question,
            preset.schema,
            temperature=SEVERAL,
            on_step=on_step,
            privacy=services.privacy,
            answer_tokens=preset.answer_tokens,
        )
