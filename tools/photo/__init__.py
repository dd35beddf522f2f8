"""Reads photos, checks them, turns them upright and strips their metadata."""
