from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geofix.db.halfvec import halfvec_text


@given(st.lists(st.floats(-60_000, 60_000, width=32), min_size=1, max_size=20))
def test_text_holds_the_halves_and_nothing_more(numbers: list[float]) -> None:
    vector = np.array(numbers, np.float32)
    back = np.array(json.loads(halfvec_text(vector)), np.float32)
    np.testing.assert_array_equal(back, vector.astype(np.float16).astype(np.float32))
    assert halfvec_text(back) == halfvec_text(vector)
