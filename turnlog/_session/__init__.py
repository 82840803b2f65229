"""The parts of sessions and branches: their stream, arguments, views of the past, logs and operations."""
