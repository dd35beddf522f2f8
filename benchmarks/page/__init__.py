"""Makes docs/evaluation.md: `make evaluate` measures every figure in it."""
