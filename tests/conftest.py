"""What every test shares."""

from hypothesis import settings

settings.register_profile("forebay", deadline=None)  # a first example pays for imports and calendars
settings.load_profile("forebay")
