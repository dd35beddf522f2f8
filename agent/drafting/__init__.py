"""What the draft node does with a model: what it is shown, how often asked, and how it is read."""
