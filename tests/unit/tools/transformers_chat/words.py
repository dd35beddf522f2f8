"""A tokenizer of single bytes, and a chat template, for models that know nothing."""

from __future__ import annotations

from typing import Any

import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

START, END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"

_TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}PICTURE{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def template(picture: str) -> str:
    return _TEMPLATE.replace("PICTURE", picture)


def tokenizer(*special: str, **named: str) -> Any:
    """256 bytes, the turns' tokens, and `special` ones; `named` become attributes too."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE(vocab={one: i for i, one in enumerate(alphabet)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    extra = [START, END, PAD, *special, *named.values()]
    bytewise.add_special_tokens([AddedToken(one, special=True) for one in dict.fromkeys(extra)])
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(tokenizer_object=bytewise, eos_token=END, pad_token=PAD, extra_special_tokens=named)
