"""Searches of the gallery, from the question to the SQL."""
