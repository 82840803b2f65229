"""What can be asked: messages, views and summaries, as pure folds over events.

May import the domain, and optional frame libraries inside the function that needs one.
"""
