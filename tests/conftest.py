"""What every test relies on."""

from hypothesis import settings

settings.register_profile("house", deadline=None)  # never time in a test
settings.load_profile("house")
