"""One file a node; each is a function of (state, context, services) that returns an `Outcome`."""
