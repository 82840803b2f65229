"""Mail between the branches and participants of a session."""
