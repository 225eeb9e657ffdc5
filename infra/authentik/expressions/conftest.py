"""Lets the tests import expression_world.py, however pytest itself imports them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest  # noqa: E402  after the path is set
from expression_world import World  # noqa: E402


@pytest.fixture
def world():
    """An authentik of its own for each test."""
    return World()
