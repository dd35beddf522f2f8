"""A model of each family with random weights, small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip import modeling_clip as clip
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.dinov2 import modeling_dinov2 as dinov2
from transformers.models.siglip import modeling_siglip as siglip
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2 import modeling_siglip2 as siglip2
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WIDE = {**SIZES, "intermediate_size": 64}
SQUARE = {"image_size": 32, "patch_size": 8}
WORDS = {"vocab_size": 64, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1}
TEXT = {**WIDE, **WORDS, "pad_token_id": 1}

Made = tuple[Any, Any, Callable[[dict[str, torch.Tensor]], torch.Tensor]]


def make_siglip() -> Made:
    """SigLIP, and SigLIP 2 at a fixed resolution, whose checkpoints have this type."""
    config = siglip.SiglipConfig(text_config=TEXT, vision_config={**WIDE, **SQUARE})
    model = siglip.SiglipModel(config).eval()
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    return model, processor, lambda inputs: model.get_image_features(**inputs).pooler_output


def make_siglip_tower() -> Made:
    """A vision tower saved alone."""
    model = siglip.SiglipVisionModel(siglip.SiglipVisionConfig(**WIDE, **SQUARE)).eval()
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    return model, processor, lambda inputs: model(**inputs).pooler_output


def make_siglip2_naflex() -> Made:
    vision = {**WIDE, "patch_size": 8, "num_patches": 16}
    model = siglip2.Siglip2Model(siglip2.Siglip2Config(text_config=TEXT, vision_config=vision))
    model = model.eval()
    processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    return model, processor, lambda inputs: model.get_image_features(**inputs).pooler_output


def make_clip(projection: int = 24) -> Made:
    config = clip.CLIPConfig(
        text_config={**TEXT, "projection_dim": projection},
        vision_config={**WIDE, **SQUARE, "projection_dim": projection},
        projection_dim=projection,
    )
    model = clip.CLIPModel(config).eval()
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    return model, processor, lambda inputs: model.get_image_features(**inputs).pooler_output


def make_dinov2() -> Made:
    model = dinov2.Dinov2Model(dinov2.Dinov2Config(**SIZES, **SQUARE, mlp_ratio=2)).eval()
    processor = BitImageProcessorPil(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}
    )
    return model, processor, lambda inputs: model(**inputs).last_hidden_state[:, 0]


FAMILIES = {
    "siglip": (make_siglip, 32),
    "siglip-tower": (make_siglip_tower, 32),
    "siglip2-naflex": (make_siglip2_naflex, 32),
    "clip": (make_clip, 24),
    "clip-768": (partial(make_clip, 768), 768),
    "dinov2": (make_dinov2, 32),
}


def write(folder: Path, family: str = "siglip", seed: int = 0) -> Made:
    torch.manual_seed(seed)
    made = FAMILIES[family][0]()
    # Freshly initialized towers are so near to constant that every photo looks alike.
    with torch.no_grad():
        for weight in made[0].parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    made[0].save_pretrained(folder)
    made[1].save_pretrained(folder)
    return made
