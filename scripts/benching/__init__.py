"""The bench: what Turnlog costs beside the limit and beside what else one would take; run by scripts/bench."""
