"""JSON schemas as grammars over a model's own tokens, compiled once each. Imports xgrammar."""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

import xgrammar

from geofix.tools.errors import ModelError
from geofix.tools.once import once_property
from geofix.tools.transformers_chat.bounds import bounded, field_names

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
