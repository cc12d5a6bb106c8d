"""What unit tests have in common: how many examples the tests with generated data try, and which."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples every time: what failed here fails there. `explore` looks for new ones, for hours if need be.
settings.register_profile("same", max_examples=150, deadline=None, derandomize=True, database=None)
settings.register_profile("explore", max_examples=5000, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
