"""How many examples a law is tried on."""

from hypothesis import settings

_USUAL = 100


def examples(usual: int) -> int:
    """Examples of the usual run, in proportion to the profile's in a longer one."""
    return usual * settings.default.max_examples // _USUAL
