"""The calibrations in force, each read once; a newer one is found at the next question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from pydantic import ValidationError

from geofix.agent.answer import Calibration
from geofix.agent.calibration.promise import AGAIN, Fitted
from geofix.db.stores import Calibrations
from geofix.tools.once import once


class Stored(NamedTuple):
    """A calibration and its id."""

    id: int
    fitted: Fitted

    @property
    def known(self) -> Calibration:
        """What an answer says of it."""
        return Calibration(
            fitted=True,
            photos=self.fitted.photos,
            places=self.fitted.places,
            digest=self.fitted.digest,
            id=self.id,
        )


class KnownCalibrations:
    """Finds the calibration of a set-up; what was read is kept, since none ever changes."""

    def __init__(self, calibrations: Calibrations) -> None:
        """Read from `calibrations`."""
        self._calibrations = calibrations
        self._read: dict[int, Callable[[], Fitted | str]] = {}

    def of(self, encoder: str, galleries: Iterable[str], drafted_by: str) -> Stored | str:
        """Return the newest calibration of a set-up, or why there is none.

        One with another drafter is returned where there is no other, so that it can be said what
        it was calibrated with (`geofix.agent.verify.in_force.drift`).
        """
        named = tuple(sorted(galleries))
        newest = self._calibrations.latest(encoder, named, drafted_by)
        newest = newest or self._calibrations.latest(encoder, named)
        if newest is None:
            searched = f"galleries {', '.join(map(repr, named))}" if named else "all galleries"
            return (
                f"there is no calibration for encoder {encoder!r} and {searched};"
                " run `geofix calibrate DATASET`"
            )
        found = self.by_id(newest.id)
        return found if isinstance(found, str) else Stored(newest.id, found)

    def by_id(self, calibration: int) -> Fitted | str:
        """Return one calibration, or why it cannot be used."""
        # `setdefault` is atomic: whoever comes first, all call the same function.
        read = self._read.setdefault(calibration, once(partial(self._parsed, calibration)))
        return read()

    def _parsed(self, calibration: int) -> Fitted | str:
        document = self._calibrations.document(calibration)
        if document is None:
            return f"calibration {calibration} no longer exists; {AGAIN}"
        if "places" not in document and "radius" in document:
            return (
                f"calibration {calibration} was made by an older geofix, which counted photos"
                f" instead of places and promised too much; {AGAIN}"
            )
        try:
            return Fitted.model_validate(document)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            return (
                f"calibration {calibration} was made by another version of geofix ({where!r} is not"
                f" as expected); {AGAIN}"
            )
