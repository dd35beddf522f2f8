"""Distances, shapes, countries and names of places on the sphere."""
