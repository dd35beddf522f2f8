"""Which candidate is the answer: the evidence for each, and the scorer that weighs it."""
