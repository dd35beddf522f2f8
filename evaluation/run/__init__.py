"""Asks about a set of photos whose places are known: `geofix eval`."""
