"""A run: photo and question on their way in, steps recorded, the answer on its way out."""
