"""The gallery at scale, measured beside its peers: `python -m benchmarks.gallery`."""
