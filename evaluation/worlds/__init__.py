"""Simulated worlds: real geography, made photos, a stated generator, queries of known truth."""
