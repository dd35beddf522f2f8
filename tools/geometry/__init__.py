"""Whether two pictures show the same place: local features and what of them agrees."""
