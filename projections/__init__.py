"""What can be asked: messages, views and summaries, as pure folds over events.

May import the domain.
"""
