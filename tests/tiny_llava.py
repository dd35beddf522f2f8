"""A LLaVA of 76,000 parameters, saved as any other: random weights, but for what it says."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

SPECIAL = ("<pad>", "<s>", "</s>", "<image>")
PAD, BOS, EOS, IMAGE = range(4)
PATCH_PX, SIDE_PX = 14, 28
IMAGE_TOKENS = (SIDE_PX // PATCH_PX) ** 2

TEMPLATE = """\
{% for message in messages %}{{ message['role'] }}:
{% if message['content'] is string %}{{ message['content'] }}{% else %}\
{% for part in message['content'] %}\
{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}
{% endfor %}{% endif %}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"""


def save_tiny_llava(folder: Path, says: str) -> Path:
    """Save a model that answers `says` to everything; to its tokenizer of bytes that is one word.

    The picture goes through the processor and the vision tower like any other model's, and its
    four tokens into the language model; only the attention's and the layers' own words are muted,
    so that each token tells the next.
    """
    tokenizer = _tokenizer(says)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": SIDE_PX}, crop_size={"height": SIDE_PX, "width": SIDE_PX}
        ),
        tokenizer=tokenizer,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(_config(len(tokenizer)))
    (last,) = tokenizer.encode(":", add_special_tokens=False)
    (answer,) = tokenizer.encode(says, add_special_tokens=False)
    _teach(model, {last: answer, answer: EOS})
    model.save_pretrained(folder)
    return folder


def _tokenizer(says: str) -> PreTrainedTokenizerFast:
    words = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    core = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_tokens([AddedToken(says, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=SPECIAL[PAD],
        bos_token=SPECIAL[BOS],
        eos_token=SPECIAL[EOS],
        extra_special_tokens={"image_token": SPECIAL[IMAGE]},
    )


def _config(words: int) -> LlavaConfig:
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2}
    vision = CLIPVisionConfig(**shape, **heads, image_size=SIDE_PX, patch_size=PATCH_PX)
    text = LlamaConfig(
        **shape,
        **heads,
        vocab_size=words,
        max_position_embeddings=16384,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    return LlavaConfig(vision_config=vision, text_config=text, image_token_index=IMAGE)


@torch.no_grad()
def _teach(model: LlavaForConditionalGeneration, follows: dict[int, int]) -> None:
    for layer in model.model.language_model.layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    embedded = model.model.language_model.embed_tokens.weight
    for token, following in follows.items():
        model.lm_head.weight[following] = 100 * embedded[token]
