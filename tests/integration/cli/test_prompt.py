"""`geofix prompt` prints what a model would be sent; none is configured, and none is asked."""

from __future__ import annotations

import json

from tests.integration.cli.conftest import Geofix


def test_the_papers_requests_are_printed_without_a_model(geofix: Geofix, starter_url: str) -> None:
    done = geofix("prompt", "--method", "img2loc", url=starter_url)
    assert done.code == 0
    assert "method img2loc; preset img2loc; prompt version geofix-" in done.out
    assert "temperature: as the model is set up" in done.out
    assert done.out.index("dissimilar images") < done.out.index("[picture: JPEG, 1024 x")
    assert "no metadata" in done.out
    assert "none is sent: the question says in which form to answer" in done.out
    assert geofix("prompt", "--method", "img2loc", url=starter_url).out == done.out
    fewer = geofix("prompt", "--method", "img2loc", "--positives", "3", "--json", url=starter_url)
    assert json.loads(fewer.out)["method"] == "img2loc, positives=3"
    words = json.loads(fewer.out)["requests"][0][1]["content"][0]
    assert words.partition("dissimilar")[0].count("(") == 3
    nobody = geofix("prompt", "--method", "knn", url=starter_url)
    assert (nobody.code, nobody.out) == (4, "")
    assert "the method 'knn' asks no model" in nobody.said
