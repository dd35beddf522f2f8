"""The public answer: `Fix`, the contract that every door returns, and how it is made.

from geofix.agent.fix import Fix, present
"""

from __future__ import annotations

from geofix.agent.fix.contract import SCHEMA, Fix, Usage, fix_schema
from geofix.agent.fix.present import present, usage_of

__all__ = ["SCHEMA", "Fix", "Usage", "fix_schema", "present", "usage_of"]
