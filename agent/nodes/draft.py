"""draft: a multimodal model sees the photo and what was found; without one, the photos vote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context, budget_of
from geofix.agent.draft.consensus import CONSENSUS, consensus
from geofix.agent.draft.provenance import Spending
from geofix.agent.run.events import Drafting, ToldPlace
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Draft, State
from geofix.tools.models import tokens_in_all

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def draft(state: State, context: Context, services: Services) -> Outcome:
    """Draft by the configured model; where a call to it fails, by consensus, and say so.

    Raises:
        ModelError: The model cannot be set up: what was asked for cannot be had, and another
            answer would pass for it.
    """
    model = services.model if context.preset != "none" else None
    if model is None:
        return _outcome(state, [consensus(state.retrieval)], {})
    hinted = bool(state.hints) and state.hints[-1].round == state.round
    if not hinted and any(earlier.drafted_by == CONSENSUS for earlier in state.drafts):
        # A run waits for a dead server once, not once a round; the answer says so already. Who
        # gives a hint asks for the model again.
        return _outcome(
            state, [consensus(state.retrieval)], {"not_asked": "the model failed before"}
        )
    return _by_model(model, state, context, services)


def _by_model(model: BaseChatModel, state: State, context: Context, services: Services) -> Outcome:
    # A fifth of a second that a draft by consensus need not wait for.
    from geofix.agent.draft.ask import ask_round, prompts_sent  # noqa: PLC0415
    from geofix.agent.draft.presets import VERSION  # noqa: PLC0415
    from geofix.agent.draft.request import requests_of  # noqa: PLC0415

    retrieval, name = state.retrieval, services.drafted_by
    budget = budget_of(context, state.began_epoch_s, state.spent)
    requests = requests_of(state, context, services)
    asked = Draft(round=state.round, drafted_by=name, latitude=None, longitude=None)
    said = ask_round(
        model,
        requests.all,
        context,
        asked,
        retrieval.positives,
        budget,
        services.price,
        services.privacy,
    )
    detail: dict[str, Any] = {
        "model": name,
        "preset": context.preset,
        "prompt_version": VERSION,
        "route": requests.route,
        "prompts": prompts_sent(requests.all),
        **said.detail(),
    }
    failed = said.failures[0] if said.failures else None
    degraded = [
        *(Reason.of(Code.PICTURE_NOT_SHOWN, f"draft: {what}") for what in requests.missing),
        *(Reason.of(Code.MODEL_LIMITED, f"draft: {what}") for what in said.notes),
    ]
    spent = None if budget is None else budget.exhausted()
    why = Code.BUDGET_SPENT if spent is not None and spent in str(failed) else Code.MODEL_FAILED
    if not said.drafts:
        # A published method takes no vote for the model's word.
        instead = (
            "the photos voted instead" if context.answer_by == "verdict" else "there is no draft"
        )
        degraded.append(Reason.of(why, f"draft: {failed}; {instead}"))
        return _outcome(state, [consensus(retrieval)], detail, degraded, said.spending())
    if failed is not None:
        had = f"{len(said.drafts)} of {said.wanted} answers could be used"
        degraded.append(Reason.of(why, f"draft: {had}: {failed}"))
    return _outcome(state, said.drafts, detail, degraded, said.spending())


def _outcome(
    state: State,
    drafts: list[Draft],
    detail: dict[str, Any],
    degraded: Sequence[Reason] = (),
    spent: Spending | None = None,
) -> Outcome:
    placed = [draft for draft in drafts if draft.latitude is not None]
    first = (placed or drafts)[0]
    where = (
        "cannot tell" if first.latitude is None else f"{first.latitude:.4f}, {first.longitude:.4f}"
    )
    word = "" if first.confidence is None else f" (confidence {first.confidence:.2f})"
    word += "" if first.agrees_with is None else f", agreeing with {first.agrees_with}"
    count = f", the first of {len(placed)} places in {len(drafts)} answers" if drafts[1:] else ""
    kept = {"drafts": [draft.model_dump(mode="json") for draft in drafts]} if drafts[1:] else {}
    return Outcome(
        update={
            "drafts": [*state.drafts, *drafts],
            **({} if spent is None else {"spent": [*state.spent, spent]}),
        },
        summary=f"{first.drafted_by}: {where}{word}{count}",
        detail={**first.model_dump(mode="json"), **kept, **detail},
        degraded=tuple(degraded),
        told=tuple(map(_told, drafts)),
    )


def _told(draft: Draft) -> Drafting:
    place = None
    if draft.latitude is not None and draft.longitude is not None:
        place = ToldPlace(latitude=draft.latitude, longitude=draft.longitude)
    return Drafting(
        drafted_by=draft.drafted_by,
        place=place,
        confidence=draft.confidence,
        tokens=0 if draft.provenance is None else tokens_in_all(draft.provenance.tokens),
    )
