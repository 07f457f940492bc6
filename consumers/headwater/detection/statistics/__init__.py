"""Statistics on arrays, numpy only; nothing here knows of datasets or messages."""
