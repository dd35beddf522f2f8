"""From files to a model that can be asked, and where it runs. Imports torch and transformers.

The part of a processor for videos needs torchvision, which geofix does without, and so do the
processors of Qwen-VL and InternVL as they come. Pictures are always scaled by PIL, whether
torchvision is there or not: what a model sees must not depend on what else is installed.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors import SafetensorError
from transformers.models.auto import processing_auto

from geofix.tools.errors import ModelError
from geofix.tools.torch_loading import torch_device, transformers_loading
from geofix.tools.transformers_chat.checkpoint import Checkpoint
from geofix.tools.transformers_chat.constraint import Grammars

Dtype = Literal["float32", "bfloat16", "float16"]
Quantization = Literal["4bit", "8bit"]

# transformers annotates few of its functions: Any keeps mypy from refusing to call the others.
_transformers: Any = transformers


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How the weights are loaded."""

    dtype: torch.dtype
    device: torch.device | None
    """None spreads the layers over all devices there are."""
    quantization: Quantization | None

    def arguments(self) -> dict[str, Any]:
        """Return what `from_pretrained` is told."""
        options: dict[str, Any] = {"dtype": self.dtype}
        if self.device is None:
            options["device_map"] = "auto"
        elif find_spec("accelerate") is not None:
            # Straight to where they belong; else all of it goes through the machine's memory.
            options["device_map"] = {"": self.device}
        if self.quantization == "4bit":
            options["quantization_config"] = _transformers.BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=self.dtype
            )
        elif self.quantization == "8bit":
            options["quantization_config"] = _transformers.BitsAndBytesConfig(load_in_8bit=True)
        return options


def load_options(
    device: str | None, dtype: Dtype | None, quantization: Quantization | None
) -> LoadOptions:
    """Fill in what was left open.

    Args:
        device: As torch spells it; "auto" spreads the layers over all GPUs; by default CUDA, then
            MPS, then the CPU.
        dtype: By default bfloat16 on CUDA where the card has it, else float16; float32 on the CPU.
        quantization: Of the weights, by bitsandbytes.

    Raises:
        ModelError: The device is unknown or absent, or a package that is needed is not installed.
    """
    if quantization is not None:
        _require("bitsandbytes", f"quantization {quantization!r}", "pip install bitsandbytes")
        _require("accelerate", f"quantization {quantization!r}", "pip install 'geofix[local]'")
    if device == "auto":
        _require("accelerate", "device 'auto'", "pip install 'geofix[local]'")
    auto = device == "auto"
    where = torch_device(None if auto else device, ModelError, "'cpu', 'auto'")
    return LoadOptions(_dtype(dtype, where.type), None if auto else where, quantization)


def _require(package: str, what: str, how: str) -> None:
    if find_spec(package) is None:
        raise ModelError(f"{what} needs the package {package!r}; install it with {how}")


def _dtype(dtype: Dtype | None, kind: str) -> torch.dtype:
    if dtype is not None:
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }[dtype]
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if kind == "mps" else torch.float32


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
class LoadedModel:
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


def load(checkpoint: Checkpoint, options: LoadOptions) -> LoadedModel:
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
                **options.arguments(),
            )
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"the model {name!r} cannot be loaded from {folder!r} ({reason}); check the files"
            " there, download them again, or install what is missing"
        ) from error
    _require_whole(report, name)
    if options.device is not None and options.quantization is None:
        model = model.to(options.device)
    return _ready(checkpoint, model.eval().requires_grad_(False), processor)


def _ready(checkpoint: Checkpoint, model: Any, processor: Any) -> LoadedModel:
    name, tokenizer = checkpoint.name, processor.tokenizer
    if (processor.chat_template or getattr(tokenizer, "chat_template", None)) is None:
        raise ModelError(
            f"the model {name!r} has no chat template, so it cannot hold a chat; use its"
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
    return LoadedModel(checkpoint, model, processor, ends_sorted, padding, grammars)


def _require_sight(config: Any, name: str) -> None:
    if type(config) not in _transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise ModelError(
            f"the model {name!r} is of type {config.model_type!r} and takes no pictures; use a"
            " model that does, such as 'Qwen/Qwen2.5-VL-7B-Instruct'"
        )
    if config.is_encoder_decoder:
        raise ModelError(
            f"the model {name!r} is of type {config.model_type!r}, an encoder-decoder, which cannot"
            " hold a chat; use one such as 'Qwen/Qwen2.5-VL-7B-Instruct'"
        )


def _require_whole(report: dict[str, Any], name: str) -> None:
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"the model {name!r} lacks {len(missing)} of its weights, such as {missing[0]!r};"
            " download it again or give a complete checkpoint"
        )
