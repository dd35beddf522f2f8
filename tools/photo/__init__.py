"""Photos in: read, checked, turned upright, stripped of metadata."""
