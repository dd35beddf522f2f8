"""Storage and search in Postgres with pgvector. Imports nothing from `agent` or `tools`."""
