from __future__ import annotations

import sys

import pytest

from geofix.tools.errors import PhotoError
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path


def test_the_sample_is_a_photo_and_finding_it_imports_no_package() -> None:
    photo = read_photo(sample_path())
    assert min(photo.width, photo.height) > 200
    assert photo.claim is None or photo.claim.latitude is None
    assert "vismatch" not in sys.modules


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # None is what Python itself puts there for a module that must not be found.
    monkeypatch.setitem(sys.modules, "vismatch", None)
    with pytest.raises(PhotoError, match=r"pip install --no-deps vismatch==1\.4\.0"):
        sample_path()


def test_a_picture_the_package_lacks_is_named() -> None:
    with pytest.raises(PhotoError, match=r"'outdoor/nosuch\.jpg'"):
        sample_path("outdoor/nosuch.jpg")
