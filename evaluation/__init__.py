"""How good the answers are: data sets, metrics, runs, reports, and what is learnt of them."""
