"""The history: migrations, the archive, the audit questions."""
