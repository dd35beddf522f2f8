"""Samples held to a JSON schema, bounded, while they are decoded. Imports xgrammar."""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
import xgrammar
from torch import Tensor

from geofix.tools.errors import ModelError
from geofix.tools.once import once_property

MOST_ITEMS = 16
"""Most items of an array whose schema sets no limit."""

LARGEST_NUMBER = 1e6
"""Bound of a number whose schema sets none. A bounded number has at most six decimals too."""

LONGEST_STRING = 500
"""Characters of a string whose schema sets no limit."""

LONGEST_IN_GRAMMAR = 64
"""A longer `maxLength` is counted while decoding instead: one of 300 took xgrammar 0.2.8 87 s to
compile for 136,000 tokens, and 80 ms at every token."""

_LITERAL = frozenset({"const", "default", "enum", "examples"})


def bounded(schema: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the schema with limits where it has none, and the longest string in characters.

    Where the schema limits long strings itself, the smallest limit counts for all of them.
    """
    longest = [LONGEST_STRING]
    made: dict[str, Any] = _bounded(schema, longest)
    return made, min(longest)


def field_names(part: Any) -> list[str]:
    """Return the names of all fields a schema has, nested ones included."""
    if isinstance(part, list):
        return [name for one in part for name in field_names(one)]
    if not isinstance(part, dict):
        return []
    own = part.get("properties")
    names = list(own) if isinstance(own, dict) else []
    return names + field_names(list(part.values()))


def _bounded(part: Any, longest: list[int]) -> Any:
    if isinstance(part, list):
        return [_bounded(one, longest) for one in part]
    if not isinstance(part, dict):
        return part
    made = {
        key: value if key in _LITERAL else _bounded(value, longest) for key, value in part.items()
    }
    kinds = made.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "array" in kinds:
        made.setdefault("maxItems", max(MOST_ITEMS, made.get("minItems", 0)))
    if "number" in kinds and not made.keys() & {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    }:
        made |= {"minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    if "string" in kinds and made.get("maxLength", 0) > LONGEST_IN_GRAMMAR:
        longest.append(made.pop("maxLength"))
    return made


_SHORTEST_VALUE = 12
"""Tokens of a number, a literal or an empty text, with what stands around it."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What an answer may look like, token by token."""

    compiled: Any
    longest_string: int
    """Characters."""
    closing_tokens: int
    """About as many as it takes to close an answer of which all fields are still to come."""
    tokens: list[bytes]
    """What each token writes."""
    single: dict[bytes, int]
    """The tokens that write one byte and nothing else, by it."""
    forbidden: tuple[int, ...]
    """Tokens that stand for something else than their letters, such as a picture."""


class Grammars:
    """The grammars of one model."""

    def __init__(
        self, tokenizer: Any, vocabulary: int, end_tokens: tuple[int, ...], name: str
    ) -> None:
        """Prepare; the tokens are read at the first schema.

        Args:
            tokenizer: The model's.
            vocabulary: Numbers the model gives for each token; more or fewer than the tokenizer
                has tokens.
            end_tokens: Those that end an answer.
            name: The model's, for errors.
        """
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._end_tokens = end_tokens
        self._name = name
        self._made: dict[str, Grammar] = {}
        self._lock = Lock()

    def grammar(self, schema: dict[str, Any]) -> Grammar:
        """Return the grammar of a JSON schema.

        Raises:
            ModelError: The tokenizer or the schema is of a kind xgrammar cannot work with.
        """
        key = json.dumps(schema)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._compile(schema)
            return self._made[key]

    def _compile(self, schema: dict[str, Any]) -> Grammar:
        limited, longest = bounded(schema)
        compiler = self._compiler
        try:
            # No free white space: a model could go on writing it.
            compiled = compiler.compile_json_schema(json.dumps(limited), any_whitespace=False)
        # Its C++ raises RuntimeError, its Python errors derive from it or from ValueError.
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError(
                f"xgrammar cannot hold the model {self._name!r} to the schema"
                f" {schema.get('title', 'of the answer')!r} ({_line(error)}); simplify the schema"
            ) from error
        closing = self._closing_tokens(field_names(limited))
        return Grammar(compiled, longest, closing, self._tokens, self._single, self._forbidden)

    def _closing_tokens(self, names: list[str]) -> int:
        return len(self._tokenizer.encode(json.dumps(names))) + _SHORTEST_VALUE * len(names)

    @once_property
    def _compiler(self) -> Any:
        return xgrammar.GrammarCompiler(self._info)

    @once_property
    def _info(self) -> Any:
        try:
            return xgrammar.TokenizerInfo.from_huggingface(
                self._tokenizer, vocab_size=self._vocabulary, stop_token_ids=list(self._end_tokens)
            )
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError(
                f"xgrammar cannot read the tokenizer of the model {self._name!r} ({_line(error)}),"
                " so its answers cannot be held to a schema; give a model with a fast tokenizer"
            ) from error

    @once_property
    def _tokens(self) -> list[bytes]:
        return list(self._info.decoded_vocab)

    @once_property
    def _single(self) -> dict[bytes, int]:
        return {text: token for token, text in enumerate(self._tokens) if len(text) == 1}

    @once_property
    def _forbidden(self) -> tuple[int, ...]:
        special = set(self._tokenizer.all_special_ids) - set(self._end_tokens)
        return tuple(sorted(one for one in special if one < self._vocabulary))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


_QUOTE, _BACKSLASH = 0x22, 0x5C


class OpenString:
    """Follows JSON as it is written, byte by byte."""

    def __init__(self) -> None:
        """Begin outside of any string."""
        self.length: int | None = None
        """Characters of the open string so far; None outside of strings."""
        self._escaped = False

    def write(self, written: bytes) -> None:
        """Go on past what was written."""
        for byte in written:
            if self.length is None:
                self.length = 0 if byte == _QUOTE else None
            elif self._escaped:
                self._escaped = False
            elif byte == _QUOTE:
                self.length = None
            elif byte == _BACKSLASH:
                self._escaped = True
                self.length += 1
            # The later bytes of a character in UTF-8 begin with 10.
            elif byte & 0xC0 != 0x80:
                self.length += 1


_CLOSING = (b"]", b"}", b",")
"""What brings an answer nearer to its end, best first."""


class Constraint:
    """A logits processor of transformers; for one generation only.

    When few tokens are left, it closes what is open, so that an answer is short rather than cut.
    Where even that does not fit, it is cut.
    """

    def __init__(self, grammar: Grammar, max_new_tokens: int) -> None:
        """Begin.

        Args:
            grammar: What the samples must fit.
            max_new_tokens: After how many tokens they are cut.
        """
        self._grammar = grammar
        self._left = max_new_tokens
        self._reserve = min(grammar.closing_tokens, max_new_tokens // 2)
        self._rows: list[_Row] = []
        self._mask = xgrammar.allocate_token_bitmask(0, 0)
        self._forbidden = torch.tensor(grammar.forbidden, dtype=torch.long)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Take in the tokens chosen last and forbid what may not come next.

        Args:
            input_ids: `[samples, length]`, the prompt and what was chosen so far.
            scores: `[samples, vocabulary]`, float32; changed in place on CPU and CUDA.
        """
        if not self._rows:
            count, vocabulary = scores.shape
            self._rows = [_Row(self._grammar) for _ in range(count)]
            self._mask = xgrammar.allocate_token_bitmask(count, vocabulary)
            self._forbidden = self._forbidden.to(scores.device)
        else:
            for row, token in zip(self._rows, input_ids[:, -1].tolist(), strict=True):
                row.take(token)
        landing = self._left <= self._reserve
        self._left -= 1
        for number, row in enumerate(self._rows):
            row.fill(self._mask, number, landing=landing)
        return self._masked(scores)

    def _masked(self, scores: Tensor) -> Tensor:
        where = scores.device
        scores[:, self._forbidden] = -torch.inf
        # xgrammar has kernels for these two.
        scores = scores if where.type in {"cpu", "cuda"} else scores.cpu()
        xgrammar.apply_token_bitmask_inplace(scores, self._mask.to(scores.device))
        return scores.to(where)


class _Row:
    """One sample."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._matcher: Any = xgrammar.GrammarMatcher(grammar.compiled)
        self._string = OpenString()

    def take(self, token: int) -> None:
        """Go on past a token."""
        if self._matcher.is_terminated():
            return
        if not self._matcher.accept_token(token):
            raise RuntimeError(
                f"the model chose the token {token!r}, which its schema forbids: its scores are not"
                " numbers (NaN); load it with dtype 'bfloat16' or 'float32'"
            )
        self._string.write(self._grammar.tokens[token])

    def fill(self, mask: Tensor, number: int, *, landing: bool) -> None:
        """Mark in row `number` of `mask` which tokens may come."""
        if self._matcher.is_terminated():
            mask[number] = -1
            return
        self._matcher.fill_next_token_bitmask(mask, number)
        for text in self._wanted(landing=landing):
            token = self._grammar.single.get(text)
            if token is not None and _allowed(mask[number], token):
                mask[number] = 0
                bit = token % 32
                mask[number, token // 32] = (1 << bit) if bit < 31 else -(1 << 31)
                return

    def _wanted(self, *, landing: bool) -> tuple[bytes, ...]:
        length = self._string.length
        if length is None:
            return _CLOSING if landing else ()
        return (b'"',) if landing or length >= self._grammar.longest_string else ()


def _allowed(row: Tensor, token: int) -> bool:
    return bool((int(row[token // 32]) >> (token % 32)) & 1)
