"""What every test relies on."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hypothesis import Phase, settings

# Never time in a test. A failure is reported as found: making it small takes minutes, HYPOTHESIS_PROFILE=small.
settings.register_profile("house", deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
settings.register_profile("small", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def _sibling(name: str) -> ModuleType:
    """A module beside this one, which tests cannot import by its name."""
    spec = spec_from_file_location(f"tests.{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_redis = _sibling("redis_server")
redis_server = _redis.redis_server
new_redis_server = _redis.new_redis_server

_servers = _sibling("servers")
postgres_server = _servers.postgres_server
postgres_template = _servers.postgres_template
postgres_database = _servers.postgres_database

hooks = _sibling("hooks").hooks
marked = _sibling("marked").marked
