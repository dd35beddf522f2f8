"""Samples held to a grammar while they are decoded, and brought to an end in time."""

from __future__ import annotations

from typing import Any

import torch
import xgrammar
from torch import Tensor

from geofix.tools.transformers_chat.grammar import Grammar
from geofix.tools.transformers_chat.open_string import OpenString

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
                f"the model chose the token {token!r}, which its schema forbids: its numbers are no"
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
