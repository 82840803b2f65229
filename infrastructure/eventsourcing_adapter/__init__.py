"""The border to the `eventsourcing` library: its words on one side, our record on the other."""
