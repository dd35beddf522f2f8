"""The command line: thin over the facade, one file a command group."""

from __future__ import annotations

import atexit
import gc

MANY_OBJECTS = 50_000
"""Made before Python looks for garbage among them, and not 700: what is imported is none, and to
look through it again and again takes a sixth of the time of `geofix locate`."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(MANY_OBJECTS)
    # Or Python looks through all there is once more as it ends.
    atexit.register(gc.freeze)
    # After the lines above, for which all of this counts.
    from geofix.agent.cli.app import main as run  # noqa: PLC0415

    run()
