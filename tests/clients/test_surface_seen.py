"""Runs after everything else: that the suite drives all of openapi.yaml, and each function by both clients."""

import pathlib

import pytest

from drivers import FUNCTIONS
from test_surface import OPERATIONS

# Of a store that is away and of defects: not brought about here.
NOT_DRIVEN = {"500", "503"}


@pytest.fixture(autouse=True)
def all_ran(request):
    files = {item.path.name for item in request.session.items}
    every = {path.name for path in pathlib.Path(__file__).parent.glob("test_*.py")}
    if files != every or request.config.option.keyword:
        pytest.skip("says something only of the whole suite")


def test_every_status_of_every_operation_was_seen(surface):
    missing = {}
    for _, _, operation in OPERATIONS:
        name = operation["operationId"]
        unseen = set(operation["responses"]) - surface.seen[name] - NOT_DRIVEN
        if unseen:
            missing[name] = sorted(unseen)
    assert missing == {}


def test_every_function_was_called_by_both_clients(clients):
    for client in clients.values():
        assert set(FUNCTIONS) - client.calls == set(), client.name
