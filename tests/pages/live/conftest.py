"""What the tests of the live figures share."""

import pytest
from pages.live.v8 import V8


@pytest.fixture(scope="session")
def v8():
    return V8()
