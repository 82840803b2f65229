"""The bench: what Hansard costs beside the limit and beside what else one would take; run by scripts/bench."""
