"""Alembic's migrations of geofix's own tables; they travel in the wheel."""
