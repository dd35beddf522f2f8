"""From files to a model that can be asked. Imports torch and transformers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import transformers
from safetensors import SafetensorError

from geofix.tools.errors import ModelError
from geofix.tools.quiet import transformers_loading
from geofix.tools.transformers_chat.checkpoint import Checkpoint
from geofix.tools.transformers_chat.grammar import Grammars
from geofix.tools.transformers_chat.placement import Placement
from geofix.tools.transformers_chat.stills import load_processor

# transformers annotates few of its functions: Any keeps mypy from refusing to call the others.
_transformers: Any = transformers

_DAMAGED = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    SafetensorError,
    pickle.UnpicklingError,
)
"""What transformers and torch raise over files that are not what they should be."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory, with what turns questions into its input."""

    checkpoint: Checkpoint
    model: Any
    processor: Any
    end_tokens: tuple[int, ...]
    """Each of them ends an answer."""
    padding: int
    """Token that fills up samples that ended before others."""
    grammars: Grammars

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self.processor.tokenizer


def load(checkpoint: Checkpoint, placement: Placement) -> Loaded:
    """Load a model that takes pictures, and nothing by way of code from its folder.

    Raises:
        ModelError: It takes no pictures, has no chat template or no end token, its files are
            damaged or lack weights, or a package it needs is not installed.
    """
    name, folder = checkpoint.name, str(checkpoint.folder)
    try:
        with transformers_loading():
            config = _transformers.AutoConfig.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
            _require_sight(config, name)
            processor = load_processor(checkpoint.folder, config.model_type)
            model, report = _transformers.AutoModelForImageTextToText.from_pretrained(
                folder,
                config=config,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                **placement.options(),
            )
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"the model {name!r} cannot be loaded from {folder!r} ({reason}); check the files"
            " there, fetch them again, or install what is missing"
        ) from error
    _require_whole(report, name)
    if placement.device is not None and placement.quantization is None:
        model = model.to(placement.device)
    return _ready(checkpoint, model.eval().requires_grad_(False), processor)


def _ready(checkpoint: Checkpoint, model: Any, processor: Any) -> Loaded:
    name, tokenizer = checkpoint.name, processor.tokenizer
    if (processor.chat_template or getattr(tokenizer, "chat_template", None)) is None:
        raise ModelError(
            f"the model {name!r} has no chat template, so it is no model to talk to; give its"
            " instruct version, in transformers' own format ('-hf' in its name)"
        )
    head = model.get_output_embeddings()
    # Padded beyond the tokenizer's vocabulary in most checkpoints, and short of it in some.
    vocabulary = int(getattr(head, "out_features", model.config.get_text_config().vocab_size))
    own = model.generation_config.eos_token_id
    listed = own if isinstance(own, list) else [own]
    ends = {
        end for end in (*listed, tokenizer.eos_token_id) if end is not None and end < vocabulary
    }
    if not ends:
        raise ModelError(f"the model {name!r} names no token that ends an answer (eos_token_id)")
    ends_sorted = tuple(sorted(ends))
    grammars = Grammars(tokenizer, vocabulary, ends_sorted, name)
    pad = tokenizer.pad_token_id
    padding = ends_sorted[0] if pad is None else int(pad)
    return Loaded(checkpoint, model, processor, ends_sorted, padding, grammars)


def _require_sight(config: Any, name: str) -> None:
    if type(config) not in _transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise ModelError(
            f"the model {name!r} is of type {config.model_type!r} and takes no pictures; give a"
            " model that sees, such as 'Qwen/Qwen2.5-VL-7B-Instruct'"
        )
    if config.is_encoder_decoder:
        raise ModelError(
            f"the model {name!r} is of type {config.model_type!r}, an encoder with a decoder, which"
            " answers no chat; give one such as 'Qwen/Qwen2.5-VL-7B-Instruct'"
        )


def _require_whole(report: dict[str, Any], name: str) -> None:
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"the model {name!r} lacks {len(missing)} of its weights, such as {missing[0]!r}; fetch"
            " it again or give a complete checkpoint"
        )
