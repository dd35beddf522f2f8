"""A model's own processor of words and pictures, without its part for videos.

That part needs torchvision, which geofix does without, and so do the processors of Qwen-VL and
InternVL as they come. Pictures are always scaled by PIL, whether torchvision is there or not: what
a model sees must not depend on what else is installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto import processing_auto

_transformers: Any = transformers
_auto: Any = processing_auto

_NAMED_IN = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


def load_processor(folder: Path, model_type: str) -> Any:
    """Load the processor of a model.

    Raises:
        ValueError: The folder names none that transformers knows.
        OSError: Its files are missing or damaged.
    """
    name = _named(folder) or _auto.PROCESSOR_MAPPING_NAMES.get(model_type)
    found = None if name is None else _auto.processor_class_from_name(name)
    if found is None:
        raise ValueError(f"transformers has no processor {name!r} for models of type {model_type}")
    return for_stills(found).from_pretrained(
        folder, backend="pil", trust_remote_code=False, local_files_only=True
    )


def _named(folder: Path) -> str | None:
    for file in _NAMED_IN:
        if (folder / file).is_file():
            name = json.loads((folder / file).read_text()).get("processor_class")
            if name is not None:
                return str(name)
    return None


def for_stills(whole: Any) -> Any:
    """Return the class, less its attributes for videos."""
    parts = [name for name in whole.get_attributes() if "video" not in name]
    # The name decides where transformers looks for settings.
    return type(whole.__name__, (whole,), {"get_attributes": classmethod(lambda cls: parts)})
