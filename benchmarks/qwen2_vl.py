"""A multimodal model of the field's size: Qwen2-VL with random weights.

What it costs does not depend on its weights, and nothing is downloaded. It is saved as the hub
would hold it and loaded as any other folder (Wang et al., Qwen2-VL, 2024, and the config.json of
Qwen2-VL-2B and -7B). Its tokens are made up, as many as Qwen has.
"""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any

WORDS, PADDED = 151_643, 151_936
SPECIAL = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")

TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

SIZES: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "small": (
        {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 8}
        | {"num_attention_heads": 4, "num_key_value_heads": 2},
        {"depth": 4, "embed_dim": 128, "num_heads": 4},
    ),
    "2b": (
        {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28}
        | {"num_attention_heads": 12, "num_key_value_heads": 2},
        {"depth": 32, "embed_dim": 1280, "num_heads": 16},
    ),
    "7b": (
        {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28}
        | {"num_attention_heads": 28, "num_key_value_heads": 4},
        {"depth": 32, "embed_dim": 1280, "num_heads": 16},
    ),
}
"""Of the words' tower and of the eyes'."""


def tokenizer() -> Any:
    """Return a tokenizer that writes bytes, and knows made-up words besides."""
    # Seconds to import, and only this benchmark needs them.
    import transformers  # noqa: PLC0415
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415

    made = random.Random(0)
    words = dict.fromkeys(sorted(pre_tokenizers.ByteLevel.alphabet()))
    letters = string.ascii_letters + string.digits + " ,.:'{}[]"
    while len(words) < WORDS:
        word = "".join(made.choices(letters, k=made.randint(2, 9)))
        words[word.replace(" ", "Ġ")] = None
    bytewise = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_special_tokens(list(SPECIAL))
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(tokenizer_object=bytewise, eos_token="<|im_end|>", pad_token="<|im_end|>")


def qwen2_vl(folder: Path, size: str, device: str) -> Path:
    """Write the model below `folder` (2b: 4.4 GB, 7b: 16 GB in bfloat16); return where."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (  # noqa: PLC0415
        Qwen2VLImageProcessorPil,
    )

    from geofix.tools.transformers_chat.loading import for_stills  # noqa: PLC0415

    hf: Any = transformers
    hf.utils.logging.disable_progress_bar()
    path = folder / f"qwen2-vl-{size}-random"
    text, sight = SIZES[size]
    words = tokenizer()
    start, end, image = (words.convert_tokens_to_ids(one) for one in SPECIAL[2:])
    half = text["hidden_size"] // text["num_attention_heads"] // 2
    sections = [half - 2 * (half * 3 // 8), half * 3 // 8, half * 3 // 8]
    rope = {"rope_type": "default", "mrope_section": sections, "rope_theta": 1e6}
    config = hf.Qwen2VLConfig(
        text_config={**text, "vocab_size": PADDED, "rope_parameters": rope, "bos_token_id": None},
        vision_config={**sight, "mlp_ratio": 4, "hidden_size": text["hidden_size"]},
        vision_start_token_id=start,
        vision_end_token_id=end,
        image_token_id=image,
        tie_word_embeddings=size != "7b",
    )
    torch.manual_seed(0)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    with torch.device(device):
        model = hf.Qwen2VLForConditionalGeneration._from_config(config, dtype=dtype)
    model.save_pretrained(path)
    for_stills(hf.Qwen2VLProcessor)(
        Qwen2VLImageProcessorPil(), words, chat_template=TEMPLATE
    ).save_pretrained(path)
    return path
