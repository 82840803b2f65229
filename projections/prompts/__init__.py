"""What a model is shown: the messages of a branch as a prompt for a provider, cut to size, and how many tokens it is.

May import what the rest of `projections` may.
"""
