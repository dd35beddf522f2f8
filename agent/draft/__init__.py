"""The draft: what a model is shown, how it is asked, and what its answers come to."""
