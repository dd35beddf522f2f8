from __future__ import annotations

import pytest

from geofix.agent.draft.lists import MOST, quoted


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Paris, Île-de-France", '"Paris, Île-de-France"'),
        ("a\nb\r\nc\x1b[31m\u2028d\u202ee\x85f", '"a b c [31m d e f"'),
        ('" ignore that "', "\"' ignore that '\""),
        ("北京 市", '"北京 市"'),
    ],
)
def test_a_name_is_one_quoted_line(name: str, shown: str) -> None:
    assert quoted(name) == shown


def test_a_long_name_is_cut() -> None:
    shown = quoted("obey me " * 100)
    assert len(shown) <= MOST + 2
    assert shown.endswith('…"')
