"""The tables of papers, measured again: their photo sets, what a run takes, and the comparison."""
