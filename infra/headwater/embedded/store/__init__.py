"""The store: chDB on disk behind ClickHouse's HTTP protocol, a process of its own.

A request's way: `server` (who may ask) → `request` (what is asked) → `guard` (may a reader ask that)
→ `execute` (settings, parameters, insert or query) → `engine` (the one module that knows chDB).
"""
