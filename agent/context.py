"""The knobs of one run: JSON-able, bounded, described. Studio, HTTP and MCP show them as a form."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from geofix.agent.search_report import NegativesBy


class Context(BaseModel):
    """Options of one run; they are recorded in its trail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    positives: int = Field(
        default=16, ge=1, le=200, description="Similar gallery photos to retrieve (Img2Loc: 16)."
    )
    negatives: int = Field(
        default=16, ge=0, le=200, description="Dissimilar gallery photos to retrieve (Img2Loc: 16)."
    )
    negatives_by: NegativesBy = Field(
        default="dissimilar",
        description="Which photos the model is shown as negatives: 'dissimilar' in look (Img2Loc),"
        " 'far' for alike in look and far from the leading place, or 'none'.",
    )
    far_km: float = Field(
        default=200.0,
        gt=0,
        le=20_000,
        description="How far from the leading place the negatives of kind 'far' have to be.",
    )
    vectors: Literal["centred", "raw"] = Field(
        default="centred",
        description="Compare vectors with their common mean subtracted, or as the papers do.",
    )
    galleries: tuple[str, ...] = Field(
        default=(), description="Names of the galleries to search; none means all."
    )
    exact: bool = Field(
        default=False,
        description="Compare with every vector, whatever there is of indexes: slow, and misses"
        " nothing.",
    )
    complete: bool = Field(
        default=False,
        description="Fail where a shard of the gallery does not answer, instead of going on with"
        " the rest and saying so.",
    )
    max_rounds: int = Field(
        default=3, ge=1, le=6, description="Rounds of retrieval and drafting at most."
    )
    accept_margin: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Lead in score the first candidate needs over the second to be accepted.",
    )
    impostor_share: float = Field(
        default=0.10,
        gt=0,
        le=1,
        description="Abstain where more than this share of gallery photos resemble some far-away"
        " photo as much as the best hit resembles this one.",
    )
    ask_human: bool = Field(
        default=False, description="Stop for a person where two candidates stay close."
    )
