"""Many machines, one database: the record in PostgreSQL."""
