"""Data that ships with geofix; each file has its origin and licence beside it."""
