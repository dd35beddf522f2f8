"""The workflow: what is decided about a photo, and in which order. `geofix` has what is public."""
