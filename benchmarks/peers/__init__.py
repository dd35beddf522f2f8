"""What the gallery is measured against."""
