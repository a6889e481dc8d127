# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the proxy's scenarios: networks, proxies and servers that are gone after the test."""

import contextlib
import resource

import pytest

import proxy_process
from harness import installer
from harness.flags import Flags
from harness.lab import build_lab
from proxy_peers import Server


@pytest.fixture(scope="session", autouse=True)
def _descriptors_for_thousands_of_sockets():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    yield
    proxy_process.remove_copies()


@pytest.fixture(scope="module")
def plain_lab(possible, request):
    """pod, peer and guest without any rules, for one test file."""
    with build_lab(request.module.__name__.removeprefix("test_proxy_")[:8] + "-", responders=False) as lab:
        yield lab


@pytest.fixture(scope="module")
def lab(plain_lab):
    """The same with the rules of weir-init in pod: everything inbound and outbound, user 1337 exempt."""
    installer.install(plain_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    return plain_lab


@pytest.fixture
def fresh_lab(possible):
    """A network for one test that installs rules of its own."""
    with build_lab("fresh-", responders=False) as lab:
        yield lab


@pytest.fixture
def run_proxy(possible):
    """run_proxy(namespace, config, ...) → a Proxy, or a `program` like it; its log is shown when the test fails."""
    with contextlib.ExitStack() as stack:
        started = []

        def run(*arguments, program=proxy_process.Proxy, **options) -> proxy_process.Proxy:
            started.append(stack.enter_context(program(*arguments, **options)))
            return started[-1]

        yield run
        for proxy in started:
            print(f"--- log of weir-proxy {proxy.pid} (exit {proxy.process.poll()})\n{proxy.log()[-6000:]}")


@pytest.fixture
def serve(possible):
    """serve(namespace, host, port, behaviour) → a Server."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Server(*arguments))
