"""Runs over a data set: resumable, several photos at once, the same result in any order.

An evaluation's id is made from everything that could change a result. Asked again, the same
evaluation goes on with the photos that have no result, and a finished one is only read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from geofix.agent.context import Context, checked_context
from geofix.agent.facade import Agent
from geofix.agent.methods.answering import drafter_of
from geofix.agent.verify.in_force import RunSetup, in_force, options_of
from geofix.agent.verify.scorers import scorers_digest
from geofix.db.search.query import Search
from geofix.db.stores import Evaluations
from geofix.evaluation.run.asking import ask_photo
from geofix.evaluation.run.leaks import Leak, LeakFreeGallery
from geofix.evaluation.run.result import Dataset, EvalPhoto, Result, digest_of

Advance = Callable[[int, int], None]
"""Called with how many photos have a result, and of how many."""


@dataclass(frozen=True)
class Plan:
    """One run over a data set."""

    label: str
    dataset: str
    photos: Sequence[EvalPhoto]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Context`."""
    leaks: tuple[Leak, ...] = ("hash",)
    """What of the gallery is left out for each photo."""
    hooks: Mapping[str, Any] = field(default_factory=dict)
    """What else was changed for the run, by name; JSON-able."""
    seed: int = 0
    """What drew the photos; told with the results. The photos themselves make the id."""
    salt: str = ""
    """Another one makes another evaluation of the same."""

    @property
    def context(self) -> Context:
        """The options in force, those left at their defaults with them.

        Raises:
            OptionError: They do not go together.
        """
        return checked_context(self.options)

    def recorded(self) -> dict[str, Any]:
        """Return what was asked for, as it is kept."""
        return {
            "context": self.context.model_dump(mode="json"),
            "exclude": sorted(self.leaks),
            "hooks": dict(self.hooks),
            "salt": self.salt,
        }


def setup_of(agent: Agent, context: Context) -> dict[str, Any]:
    """Return what is in force: versions, encoder, drafter, gallery, and what was fitted."""
    services = agent.services
    encoder = services.encoder.name
    centring = services.gallery.centring(encoder)
    photos = services.gallery.count(Search(encoder, galleries=context.galleries))
    goes_by = in_force(
        services,
        RunSetup(
            encoder=encoder,
            galleries=context.galleries,
            drafted_by=drafter_of(context, services),
            centring_version=centring.version
            if centring and context.vectors == "centred"
            else None,
            photos_in_gallery=photos,
            options=options_of(context),
            image_place=services.settings.image_place,
        ),
    )
    return {
        **services.versions(),
        "drafted_by": drafter_of(context, services),
        "method": context.told(),
        "encoder": encoder,
        "gallery_photos": photos,
        "centring_version": centring.version if centring else None,
        "scorers": scorers_digest(goes_by.scorers)[:12],
        "calibration": goes_by.calibration.digest,
        "calibrated": goes_by.calibration.reason is None,
    }


def id_of(plan: Plan, digest: str, setup: Mapping[str, Any]) -> str:
    """Return the id of the evaluation that a plan is in this set-up."""
    asked = {"dataset": digest, "options": plan.recorded(), "setup": dict(setup)}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


def evaluate(
    agent: Agent,
    plan: Plan,
    *,
    workers: int = 1,
    sequences: Mapping[str, str] | None = None,
    advance: Advance = lambda done, of: None,
) -> str:
    """Ask about every photo that has no result yet; return the evaluation's id.

    Args:
        agent: An open one. Its gallery is replaced by one that leaves out the plan's leaks.
        plan: What is asked, and how.
        workers: Photos at once.
        sequences: Of gallery photos, by external id.
        advance: Follows.

    Raises:
        GeofixError: The set-up is unusable. What has a result keeps it.
    """
    services = agent.services
    leak_free = LeakFreeGallery(services.engine, plan.leaks)
    leak_free.know_sequences(sequences or {})
    services.gallery = leak_free
    digest = digest_of(plan.photos)
    setup = setup_of(agent, plan.context)
    evaluation, store = id_of(plan, digest, setup), Evaluations(services.engine)
    store.begin(
        {
            "id": evaluation,
            "label": plan.label,
            "dataset": plan.dataset,
            "digest": digest,
            "photos": len(plan.photos),
            "options": {**plan.recorded(), "seed": plan.seed},
            "setup": setup,
        }
    )
    asked = store.asked(evaluation)
    left = [photo for photo in plan.photos if photo.id not in asked]

    def one(photo: EvalPhoto) -> None:
        store.keep(evaluation, ask_photo(agent, photo, evaluation, plan.options).columns())

    _all(one, left, workers, lambda done: advance(len(asked) + done, len(plan.photos)))
    store.finish(evaluation)
    return evaluation


def _all(
    work: Callable[[EvalPhoto], None],
    photos: Sequence[EvalPhoto],
    workers: int,
    advance: Callable[[int], None],
) -> None:
    """Do the work on all photos; the first error stops it once running work is done."""
    done, rest = 0, iter(photos)
    with ThreadPoolExecutor(workers, thread_name_prefix="evaluate") as pool:
        running: set[Future[None]] = set()
        try:
            while True:
                # No more than are worked on: an error then leaves nothing behind it to be done.
                while len(running) < workers and (photo := next(rest, None)) is not None:
                    running.add(pool.submit(work, photo))
                if not running:
                    return
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
                    done += 1
                advance(done)
        finally:
            for future in running:
                future.cancel()


def results_of(agent: Agent, evaluation: str) -> list[Result]:
    """Return the results of an evaluation, by photo."""
    rows = Evaluations(agent.services.engine).results(evaluation)
    return [Result.of_columns(row) for row in rows]


def sequences_of(dataset: Dataset) -> dict[str, str]:
    """Return the sequences of the photos of a set; galleries made from it share the ids."""
    return {photo.id: photo.sequence for photo in dataset.photos if photo.sequence}
