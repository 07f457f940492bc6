"""The ledger: what was archived, message by message, so that it can be proved that the history was not altered.

chain.py says what an entry is and how it is chained; keeping.py writes entries (in the archive worker);
verifying.py holds the history against them; checkpoints.py makes, signs and checks what somebody else keeps.
"""
