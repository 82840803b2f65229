"""Operations: what can be done on a branch with models and tools. May import what the door may."""
