# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the namespace tests. A machine that cannot run them fails them, loudly."""

import os
import pathlib
import signal
import threading

import pytest

from harness import namespace as netns
from harness import programs

pytest_plugins = ["proxy_fixtures"]


def _leave(_number, _frame):
    raise KeyboardInterrupt  # pytest then ends the run with its fixtures' clean-up


def pytest_sessionstart(session):
    # Where tests run several at once, another thread may run them; what such a run leaves the next one removes.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGHUP, _leave)
    if session.config.option.collectonly:
        return
    session.config.weir_impossible = netns.why_impossible()
    for name in netns.sweep():
        print(f"removed {name}, left by a run that was killed")


def pytest_sessionfinish(session):
    netns.remove_all()


def pytest_runtest_logreport(report):
    """Notes each failed test in the file $WEIR_FAILED, for scripts/namespace_tests.sh."""
    if report.failed and (path := os.environ.get("WEIR_FAILED")):
        with pathlib.Path(path).open("a") as file:
            print(report.nodeid, file=file)


@pytest.fixture(autouse=True, scope="session")
def possible(request):
    """Every test needs this: without root or nf_tables it fails with the reason instead of being skipped."""
    if request.config.weir_impossible:
        pytest.fail(request.config.weir_impossible, pytrace=False)


@pytest.fixture
def make_namespace(possible):
    """make_namespace("pod") → a Namespace that is gone after the test."""
    made = []

    def make(label: str) -> netns.Namespace:
        made.append(netns.Namespace(label))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()


@pytest.fixture(scope="session")
def weir_init(possible) -> str:
    try:
        return programs.weir_init()
    except programs.MissingProgram as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
