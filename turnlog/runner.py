"""The process that keeps the rows of projections up to date."""

from .infrastructure.read_models.lease import RunnerOptions
from .infrastructure.read_models.runner import Runner
from .infrastructure.retry import RetryPolicy

__all__ = [
    "RetryPolicy",
    "Runner",
    "RunnerOptions",
]
