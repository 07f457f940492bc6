"""The embedded stack: broker, store and workers as processes of one machine, all on loopback."""
