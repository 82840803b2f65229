"""What scripts/demo shows."""

import hansard

print(hansard.__doc__)
