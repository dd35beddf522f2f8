"""The parts of the embedded Postgres; `geofix.db.server` is their door."""
