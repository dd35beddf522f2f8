"""Chat models that take images: found, asked, bounded, and what they answer."""
