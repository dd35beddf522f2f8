from __future__ import annotations

import pytest

from geofix.tools.ingestion import IngestionReport, rejected_lines
from geofix.tools.sources import Rejected


@pytest.mark.parametrize(
    ("rejected", "line"),
    [
        (Rejected("a/b.jpg", "too dark"), "rejected a/b.jpg: too dark"),
        (Rejected("a.jpg", "photo 'a.jpg' is empty"), "rejected: photo 'a.jpg' is empty"),
        (Rejected("a\nb.jpg", "too dark"), r"rejected 'a\nb.jpg': too dark"),
        (Rejected("\x1b[31ma.jpg", "too dark"), r"rejected '\x1b[31ma.jpg': too dark"),
        (Rejected("caf\udce9.jpg", "no name"), r"rejected 'caf\udce9.jpg': no name"),
    ],
)
def test_every_photo_left_out_is_one_line_whatever_its_name(rejected: Rejected, line: str) -> None:
    assert list(rejected_lines(IngestionReport(first_rejects=[rejected]))) == [line]
