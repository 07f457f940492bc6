"""How good detection is: A1 to A6 beside the peers, and what it costs."""
