"""`python -m geofix.agent.cli`, where no `geofix` is on the path."""

from __future__ import annotations

from geofix.agent.cli import main

if __name__ == "__main__":
    main()
