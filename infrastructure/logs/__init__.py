"""Where logs go: in memory, to databases, files, object stores and webhooks; what takes the secrets out before."""
