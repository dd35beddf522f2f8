"""Photos and vectors in, and the indexes over them."""
