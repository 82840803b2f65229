"""Many machines, sessions that may expire: the record in Redis, or a server that speaks its protocol."""
