"""What is true: the events of a session, the state they fold into, the decisions made on it.

Pure: no I/O, no clock, no randomness except as arguments. May import the standard library and msgspec.
"""
