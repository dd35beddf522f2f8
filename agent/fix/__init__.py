"""The public answer: `Fix`, the contract that every door returns.

How it is made of what a run knows is in `geofix.agent.fix.present`, which needs the state; the
state has a `Fix`, so that this package must not import it.
"""

from __future__ import annotations

from typing import Any

from geofix.agent.fix.contract import SCHEMA, Fix, FixQuestion, Usage

__all__ = ["SCHEMA", "Fix", "FixQuestion", "Usage", "fix_schema"]


def fix_schema() -> dict[str, Any]:
    """Return the JSON Schema of `Fix` (2020-12)."""
    made = Fix.model_json_schema()
    for part in [made, *made["$defs"].values()]:
        part.pop("title", None)
        for field in part["properties"].values():
            field.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('.', ':').replace('/', ':')}",
        "title": SCHEMA,
        **made,
    }
