"""One file, one machine, nothing to set up: the record in SQLite."""
