"""The exact record as lines of JSON, out of a store of any kind and into another."""
