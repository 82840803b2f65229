"""What can be asked: messages, views, frames and summaries, as pure folds over events.

May import the domain; the frame libraries only inside the function that needs one.
"""
