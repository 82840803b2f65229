"""Many machines, sessions that may expire: the record in Redis, or a server that speaks its protocol.

Under the prefix `{turnlog}:` (with a hash tag, `turnlog{tag}:`) are, per session (all of them expire together):

    entry:<session>      hash: the entry of the catalogue, and `started`, the global position of its first row
    events:<session>     hash: position to columns, as a JSON array
    payloads:<session>   hash: position to payload; the columns say if it is compressed
    places:<session>     sorted set: where rows stand among messages of a branch, or among what is no message
    commands:<session>   hash: command id to what it recorded
    key:<key>            the session that has this key

beside the record, for the `eventsourcing` library (library_recorder.py):

    checkpoint:<projection>:<source>    the global position up to which it has read
    view:<projection>:...               what it returns
    snapshots:<purpose>:<session>       hash: position to state; snapshots: set of the names of these

and for the store as a whole:

    format               the number of this layout
    positions            stream of one entry, whose id is the last global position; readers that wait block on it
    feed                 sorted set: per append, under its last global position, where its rows are
    catalogue            sorted set: sessions in the order they were started
    created:<status>     sorted set: the sessions of a status, by when they were started
    updated:<status>     sorted set: the same, by when they were last used
    created:<status>:<user>, updated:<status>:<user>    sorted sets: the same for the sessions of one user
    expiries             sorted set: sessions that have a time to live, by when it ends
    sweep                hash: how far the feed has been looked through for what has expired, and how much that was
    pending_scrubs       set: the tokens of calls that redacted something since the server's files were rewritten
    cancelled:<token>    a call that was given up and must not run any more; restoring: who is restoring the store
"""
