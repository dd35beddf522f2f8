"""The parts of the embedded Postgres; `geofix.db.embedded.server` is their door."""
