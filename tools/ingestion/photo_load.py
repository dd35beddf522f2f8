"""One load of photos: skips what is stored, finds what is new, and stores it in one thread.

It does not decode or embed photos.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from geofix.db.load.ingest import Added, GeotaggedPhoto, Ingest
from geofix.tools.ingestion.decoding import DecodedPhoto, Outcome, Undecodable
from geofix.tools.ingestion.jobs import Job, geotagged, job_of
from geofix.tools.ingestion.report import Tally
from geofix.tools.sources import Rejected, Source, SourcePhoto

DEPTH = 2
"""Maximum number of pending batches: one is being written and one waits."""


class Writer:
    """Stores batches in its own thread. Use it as a context manager: leaving it waits for them."""

    def __init__(self) -> None:
        """Start no thread before the first batch."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="geofix-write")
        self._under_way: deque[tuple[Future[Added], Callable[[Added], None]]] = deque()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for pending batches, and settle them if nothing failed."""
        try:
            if error is None:
                self.settle(wait=True)
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def put(self, store: Callable[[], Added], stored: Callable[[Added], None]) -> None:
        """Queue a batch; waits while `DEPTH` batches are pending.

        Args:
            store: Called in the thread.
            stored: Called in the caller's thread with the result of `store`, at a later `put` or
                `settle`.

        Raises:
            GeofixError: An earlier batch failed.
        """
        self.settle()
        while len(self._under_way) >= DEPTH:
            self._settle_first()
        self._under_way.append((self._thread.submit(store), stored))

    def settle(self, *, wait: bool = False) -> None:
        """Call `stored` for the finished batches, or with `wait` for all."""
        while self._under_way and (wait or self._under_way[0][0].done()):
            self._settle_first()

    def _settle_first(self) -> None:
        future, stored = self._under_way.popleft()
        stored(future.result())


LOOKED_UP = 64
"""Photos looked up in the database at a time."""


class PhotoLoad:
    """The load of one collection into one gallery."""

    def __init__(
        self, source: Source, gallery: str, ingest: Ingest, encoder: str, tally: Tally, to: Writer
    ) -> None:
        """Begin.

        Args:
            source: The collection.
            gallery: Name of the gallery.
            ingest: Where photos are stored.
            encoder: Name of the encoder.
            tally: Counts each photo once.
            to: Stores.
        """
        self._source = source
        self._gallery = gallery
        self._ingest = ingest
        self._encoder = encoder
        self._tally = tally
        self._writer = to
        self._on_the_way: dict[str, str] = {}
        """Digest of the picture by id, of photos that are not stored yet."""
        self._pictures: dict[str, str] = {}
        """The same by digest."""

    def jobs(self) -> Iterator[Job]:
        """Yield the photos to read, with what is stored of them."""
        items = iter(self._source)
        while chunk := list(islice(items, LOOKED_UP)):
            photos = [item for item in chunk if isinstance(item, SourcePhoto)]
            known = self._known([photo.external_id for photo in photos])
            for item in chunk:
                if isinstance(item, Rejected):
                    self._tally.reject(item.item, item.reason)
                else:
                    yield job_of(item, known.get(item.external_id))

    def _known(self, ids: Sequence[str]) -> dict[str, GeotaggedPhoto]:
        if not ids:
            return {}
        return self._ingest.known(self._gallery, self._source.name, self._encoder, ids)

    def wants(self, job: Job, outcome: Outcome) -> bool:
        """Return whether there is something to store; count the photo if not."""
        if isinstance(outcome, Undecodable):
            self._tally.reject(job.item.picture.location, outcome.reason)
            return False
        if job.says_the_same and job.has_vector(outcome):
            self._tally.count(unchanged=1)
            return False
        return True

    def _amend(self, photos: list[tuple[Job, DecodedPhoto]]) -> None:
        if photos:
            rows = geotagged(self._source.name, photos)
            self._writer.put(partial(self._amended, rows), self._count)

    def _amended(self, photos: Sequence[GeotaggedPhoto]) -> Added:
        return Added(new=0, updated=self._ingest.amend(self._gallery, photos))

    def fresh(self, batch: Sequence[tuple[Job, DecodedPhoto]]) -> list[tuple[Job, DecodedPhoto]]:
        """Return the photos of a batch that need a vector, and handle the others.

        Photos whose vector is stored are updated. Pictures that the gallery has under another id
        are rejected.
        """
        self._amend([(job, decoded) for job, decoded in batch if job.has_vector(decoded)])
        new = [(job, decoded) for job, decoded in batch if not job.has_vector(decoded)]
        # First what is in: what is not is on the way, and nothing is in between.
        self._writer.settle()
        digests = [decoded.sha256 for _, decoded in new]
        stored = self._ingest.pictures(self._gallery, digests) if digests else {}
        will_be = {job.external_id: decoded.sha256 for job, decoded in new} | self._on_the_way
        kept = []
        for job, decoded in new:
            twin = self._twin(job, decoded.sha256, stored.get(decoded.sha256), will_be)
            if twin is not None:
                self._tally.reject(job.item.picture.location, twin)
                continue
            self._on_the_way[job.external_id] = decoded.sha256
            self._pictures[decoded.sha256] = job.external_id
            kept.append((job, decoded))
        return kept

    def _twin(
        self, job: Job, sha256: str, stored: tuple[str, str] | None, will_be: Mapping[str, str]
    ) -> str | None:
        """Say whose picture this is already, if it is."""
        if job.external_id in self._on_the_way:
            return f"the id {job.external_id!r} appears twice; give each photo its own id"
        if sha256 in self._pictures:
            return f"the same picture as {self._pictures[sha256]!r}"
        if stored is None:
            return None
        source, external_id = stored
        if source != self._source.name:
            return f"the same picture as {external_id!r} of {source!r}"
        # The picture stored under that name is about to be another, or this is that photo.
        if external_id == job.external_id or will_be.get(external_id, sha256) != sha256:
            return None
        return f"the same picture as {external_id!r}"

    def store(
        self,
        photos: list[tuple[Job, DecodedPhoto]],
        vectors: NDArray[np.float32],
    ) -> None:
        """Queue photos with their vectors, of shape [n, dimension], for storing."""
        rows = geotagged(self._source.name, photos)
        add = partial(self._ingest.add, self._gallery, self._encoder, rows, vectors)
        self._writer.put(add, partial(self._stored, rows))

    def _stored(self, photos: Sequence[GeotaggedPhoto], added: Added) -> None:
        for photo in photos:
            sha256 = self._on_the_way.pop(photo.external_id)
            del self._pictures[sha256]
        self._count(added)

    def _count(self, added: Added) -> None:
        self._tally.count(added=added.new, updated=added.updated)
