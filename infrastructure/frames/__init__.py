"""Frames of the whole store: Arrow batches made while they are read, SQL over them, and Parquet files that grow."""
