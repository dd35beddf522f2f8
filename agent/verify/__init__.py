"""Which candidate is the answer: the evidence for each, the scorer that weighs it, the verdict."""
