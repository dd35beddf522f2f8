"""Experiments on prompts: one thing changed at a time, on the same photos, with its power told."""
