"""Live data on their way: from frames to every sink, and what was missed made good. Async is at home here."""
