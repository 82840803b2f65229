"""The library's door to our stores: its PERSISTENCE_MODULE, with TURNLOG_STORE for the address."""

from eventsourcing.utils import Environment, EnvType

from ..open_store import configured_recorder, open_recorder
from ..settings import settings_from
from . import factory


class Factory(factory.RecorderFactory):
    """Opens the store at the address that the environment names, or the one that the settings name."""

    TURNLOG_STORE = "TURNLOG_STORE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        named = (env if isinstance(env, Environment) else Environment(env=env)).get(self.TURNLOG_STORE)
        super().__init__(env, open_recorder(named) if named else configured_recorder(settings_from()))
