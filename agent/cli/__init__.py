"""The command line: thin over the facade, one file a command group."""

from __future__ import annotations

from geofix.agent.cli.app import main

__all__ = ["main"]
