"""The demo: a real pipeline on the flights that left New York in 2013, and what its lineage answers."""
