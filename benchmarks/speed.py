"""Where the time of a photo goes, and what the same search costs without geofix.

The peer is the bare pipeline: load the encoder, embed, one SQL query for the 16 nearest, in one
process on a running server; geofix adds the graph, its checkpoints, the trail, places and verdict.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import time
from collections.abc import Callable

from geofix import Agent, open_agent
from geofix.db.search.query import Search
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path

REPEATS = 7


def median_ms(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median time of `work` in milliseconds, after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def cpu_ms(work: Callable[[], object], repeats: int = 50) -> float:
    """Return the median CPU time of `work` in milliseconds, whatever else the machine does."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1000)
    return statistics.median(times)


def unseen() -> bytes:
    """Return the sample photo as a file nobody asked about before, so that it is embedded anew."""
    return sample_path().read_bytes() + secrets.token_bytes(8)


def bare(agent: Agent) -> None:
    """Decode, embed and search, nothing else."""
    services = agent.services
    vector = services.encoder.embed([read_photo(unseen()).pixels])[0]
    services.gallery.nearest(vector, 16, Search(encoder=services.encoder.name))


def nodes_ms(agent: Agent) -> dict[str, float]:
    """Return what each node of one warm run took, from its trail."""
    fix = agent.locate(unseen())
    return {step.node: step.took_ms for step in agent.services.trail.read(fix.run or "").steps}


def main() -> None:
    """Measure on the database of the environment."""
    start = time.perf_counter()
    with open_agent() as agent:
        opened = (time.perf_counter() - start) * 1000
        start = time.perf_counter()
        _ = agent.services.encoder
        loaded = (time.perf_counter() - start) * 1000
        start = time.perf_counter()
        agent.locate(sample_path())
        first = (time.perf_counter() - start) * 1000
        ours, peer = median_ms(lambda: agent.locate(unseen())), median_ms(lambda: bare(agent))
        steps = nodes_ms(agent)
        graph = cpu_ms(lambda: agent.graph)
    lines = [
        f"open: server, schema, pool              {opened:8.0f} ms",
        f"load the encoder                        {loaded:8.0f} ms",
        f"first photo, its lazy imports with it   {first:8.0f} ms",
        f"one more photo in an open agent         {ours:8.0f} ms (median of {REPEATS})",
        *(f"  {node:37} {took:8.0f} ms" for node, took in steps.items()),
        f"  the graph with a saver of its own     {graph:8.1f} ms of CPU",
        f"decode, embed and search alone (peer)   {peer:8.0f} ms; geofix takes x{ours / peer:.2f}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
