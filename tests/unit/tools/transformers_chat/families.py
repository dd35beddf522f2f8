"""A model of each family with random weights, small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from geofix.tools.transformers_chat.loading import for_stills
from tests.unit.tools.transformers_chat.words import template, tokenizer

hf: Any = transformers

VOCABULARY = 320
"""More than the tokenizers have: checkpoints are padded."""

TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 4096,
}
DEEP = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
SIGHT = {**DEEP, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
SQUARE: dict[str, Any] = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
CLIP = {"model_type": "clip_vision_model", "projection_dim": 32, **SIGHT}
PATCHES = {
    "patch_size": 8,
    "vision_feature_select_strategy": "default",
    "num_additional_image_tokens": 1,
    "chat_template": template("<image>"),
}
QWEN = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")

Made = tuple[Any, Any]


def make_llava() -> Made:
    words = tokenizer("<image>", image_token="<image>")
    image = words.convert_tokens_to_ids("<image>")
    text = {"model_type": "llama", **TEXT}
    config = hf.LlavaConfig(text_config=text, vision_config=CLIP, image_token_index=image)
    processor = hf.LlavaProcessor(CLIPImageProcessorPil(**SQUARE), words, **PATCHES)
    return hf.LlavaForConditionalGeneration(config), processor


def make_llava_next() -> Made:
    words = tokenizer("<image>", image_token="<image>")
    grid = [[32, 64], [64, 32]]
    config = hf.LlavaNextConfig(
        text_config={"model_type": "llama", **TEXT},
        vision_config=CLIP,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grid,
    )
    pixels = LlavaNextImageProcessorPil(**SQUARE, image_grid_pinpoints=grid)
    return hf.LlavaNextForConditionalGeneration(config), hf.LlavaNextProcessor(
        pixels, words, **PATCHES
    )


def _qwen(name: str, sight: dict[str, Any], **text: Any) -> Made:
    words = tokenizer(*QWEN)
    start, end, image, video = (words.convert_tokens_to_ids(one) for one in QWEN)
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    config = getattr(hf, f"{name}Config")(
        text_config={**TEXT, "rope_parameters": rope, "bos_token_id": None, **text},
        vision_config={"depth": 2, "hidden_size": 32, "num_heads": 2, "patch_size": 8, **sight},
        vision_start_token_id=start,
        vision_end_token_id=end,
        image_token_id=image,
        video_token_id=video,
    )
    pixels = Qwen2VLImageProcessorPil(patch_size=8, min_pixels=16 * 16, max_pixels=64 * 64)
    picture = template("<|vision_start|><|image_pad|><|vision_end|>")
    processor = for_stills(getattr(hf, f"{name}Processor"))(pixels, words, chat_template=picture)
    return getattr(hf, f"{name}ForConditionalGeneration")(config), processor


def make_qwen2_vl() -> Made:
    return _qwen("Qwen2VL", {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2})


def make_qwen2_5_vl() -> Made:
    sight = {"intermediate_size": 64, "out_hidden_size": 64, "window_size": 32}
    return _qwen("Qwen2_5_VL", {**sight, "fullatt_block_indexes": [1]})


def make_qwen3_vl() -> Made:
    sight = {"intermediate_size": 64, "out_hidden_size": 64, "num_position_embeddings": 64}
    return _qwen("Qwen3VL", {**sight, "deepstack_visual_indexes": [0]}, head_dim=16)


def make_internvl() -> Made:
    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    words = tokenizer(**named)
    config = hf.InternVLConfig(
        text_config={"model_type": "qwen2", **TEXT},
        vision_config={**SIGHT, "image_size": [32, 32], "patch_size": [8, 8]},
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    processor = for_stills(hf.InternVLProcessor)(
        GotOcr2ImageProcessorPil(size={"height": 32, "width": 32}),
        words,
        image_seq_length=4,
        chat_template=template("<IMG_CONTEXT>\n"),
    )
    return hf.InternVLForConditionalGeneration(config), processor


FAMILIES: dict[str, Callable[[], Made]] = {
    "llava": make_llava,
    "llava_next": make_llava_next,
    "qwen2_vl": make_qwen2_vl,
    "qwen2_5_vl": make_qwen2_5_vl,
    "qwen3_vl": make_qwen3_vl,
    "internvl": make_internvl,
}

ADVISED = "qwen2_5_vl"
"""The family that users are advised to take, and the one of every run."""

EVERY_FAMILY = pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=() if name == ADVISED else pytest.mark.slow) for name in FAMILIES],
)
"""All of them in `make test-slow`: no code of ours knows one from another."""


def write(folder: Path, family: str = "llava", **saved: Any) -> Made:
    torch.manual_seed(0)
    model, processor = FAMILIES[family]()
    # Freshly initialised, a model says much the same of every picture.
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    model.save_pretrained(folder, **saved)
    processor.save_pretrained(folder)
    return model.eval(), processor
