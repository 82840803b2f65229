"""Where the rows of projections are kept, and what keeps them up to date."""
