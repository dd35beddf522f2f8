"""Fits promises and scorers to photos of known places: `geofix calibrate`."""
