"""Persistence: Postgres with pgvector. Imports nothing from `agent` or `tools`."""
