"""Alarmed verdicts become incidents: one for each fault, with its root, its path and whom it reaches."""
