"""One program for each contestant, run by the Python of its own environment; it imports nothing but the contestant."""
