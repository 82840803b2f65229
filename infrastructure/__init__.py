"""Where the record is kept and what it talks to: stores, digests, settings.

May import the domain, the projections and any driver; never the door.
"""
