"""Models and tools."""
