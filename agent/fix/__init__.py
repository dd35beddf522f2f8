"""The public answer: `Fix`, the contract that every door returns.

How it is made of what a run knows is in `geofix.agent.fix.present`, which needs the state; the
state has a `Fix`, so that this package must not import it.
"""

from __future__ import annotations

from geofix.agent.fix.contract import SCHEMA, Fix, Usage, fix_schema

__all__ = ["SCHEMA", "Fix", "Usage", "fix_schema"]
