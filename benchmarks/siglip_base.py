"""An encoder of the field's size: the vision tower of SigLIP base, patch 16, 224 pixels.

Its weights are random: what it costs does not depend on them, and nothing is downloaded. It is
saved as the hub would hold it and loaded as any other folder (Zhai et al., Sigmoid Loss for
Language Image Pre-Training, ICCV 2023; 93 million weights, 12 layers of 768).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def siglip_base(folder: Path) -> Path:
    """Write the model below `folder` (370 MB); return where."""
    # Seconds to import, and whoever measures another encoder needs none of it.
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415
    from transformers.models.siglip import modeling_siglip  # noqa: PLC0415
    from transformers.models.siglip.image_processing_pil_siglip import (  # noqa: PLC0415
        SiglipImageProcessorPil,
    )

    path = folder / "siglip-base-patch16-224-random"
    torch.manual_seed(0)
    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    siglip: Any = modeling_siglip
    processor: Any = SiglipImageProcessorPil
    config = siglip.SiglipVisionConfig(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        image_size=224,
        patch_size=16,
    )
    siglip.SiglipVisionModel(config).save_pretrained(path)
    processor(size={"height": 224, "width": 224}).save_pretrained(path)
    return path
