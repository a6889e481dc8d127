# SPDX-License-Identifier: Apache-2.0
"""What becomes of long-lived connections whose listener changes or goes: never drained, on a change, within a time."""

import contextlib
import signal

import pytest

import http_scene
from harness.lab import POD
from http_scene import Client1, Client2, status
from live_scene import ECHO, ONE, TWO, static
from proxy_config import chain, listener, tcp_proxy, typed
from test_config_dump import dump
from test_live_files import files, servers, start  # noqa: F401 fixtures

# What happens to each listener: another setting of its own, another filter chain, gone.
CHANGED, IN_PLACE, REMOVED = "changed", "in-place", "removed"
FATES = (CHANGED, IN_PLACE, REMOVED)
HTTP = {CHANGED: 9080, IN_PLACE: 9081, REMOVED: 9082}
TCP = {CHANGED: 9090, IN_PLACE: 9091, REMOVED: 9092}
# Long enough to be used once more by all connections, on a busy machine too.
TIME = "3s"
LISTENERS, CHAINS = (f"listener_manager.total_{what}_draining" for what in ("listeners", "filter_chains"))


# -- configuration ------------------------------------------------------------------------------------------------


def policy(value) -> dict:
    return {} if value is None else {"metadata": {"filter_metadata": {"weir": {"drain_policy": value}}}}


def http(fate: str, to: str = "one", **fields) -> dict:
    # Idle connections are not ended before the drain time is over.
    manager = http_scene.manager([http_scene.route(to)], drain_timeout="60s")
    return listener(f"http-{fate}", POD[4], HTTP[fate], {"filters": [manager]}, **fields)


def tcp(fate: str, prefix: str = "echo", **fields) -> dict:
    return listener(f"tcp-{fate}", POD[4], TCP[fate], chain(tcp_proxy("echo", stat_prefix=prefix)), **fields)


def before(how: dict) -> list[dict]:
    return [make(fate, **how) for make in (http, tcp) for fate in FATES]


def after(how: dict) -> list[dict]:
    """Each listener has met its fate."""
    other = {"per_connection_buffer_limit_bytes": 65536}
    return [http(CHANGED, "two", **how, **other), http(IN_PLACE, "two", **how), tcp(CHANGED, **how, **other), tcp(IN_PLACE, "x", **how)]


# -- connections --------------------------------------------------------------------------------------------------


class Held:
    """Connections that have been used once and stay open, to each listener one of each kind."""

    def __init__(self, lab):
        self.stack = contextlib.ExitStack()
        connect = lambda port: lab.peer.connect(POD[4], port, timeout=20)  # noqa: E731
        self.one = {fate: self.stack.enter_context(Client1(connect(port))) for fate, port in HTTP.items()}
        self.two = {fate: self.stack.enter_context(Client2(connect(port))) for fate, port in HTTP.items()}
        self.tcp = {fate: self.stack.enter_context(connect(port)) for fate, port in TCP.items()}
        self.go_on()

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_) -> None:
        self.stack.close()

    def echo(self) -> None:
        for connection in self.tcp.values():
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"

    def go_on(self) -> None:
        """As before the change: served by what they began with, and told nothing."""
        for client in self.one.values():
            answer = client.ask()
            assert (answer.status, answer.body, answer.header("connection")) == (200, b"one", None)
        for client in self.two.values():
            stream = client.ask()
            assert (status(stream), bytes(stream.body), client.wire.goaway) == (200, b"one", None)
        self.echo()

    def are_told(self) -> None:
        """They are served as before, and asked to go."""
        for client in self.two.values():
            while client.wire.goaway is None:
                assert client.pump(), "GOAWAY comes before the end"
            assert client.wire.goaway[0] == "NO_ERROR"
            stream = client.ask()
            assert (status(stream), bytes(stream.body)) == (200, b"one")
        for client in self.one.values():
            answer = client.ask()
            assert (answer.status, answer.body, answer.header("connection")) == (200, b"one", "close")
            assert client.wait_end() == "fin"
        self.echo()

    def are_ended(self) -> None:
        for client in self.two.values():
            client.wait_end()
            assert client.ended
        for connection in self.tcp.values():
            assert connection.recv(1) == b""


def draining(proxy) -> set[str]:
    """The listeners that /config_dump shows as draining."""
    return {one["name"] for one in dump(proxy, "?resource=dynamic_listeners") if "draining_state" in one}


def wait_for_fates(proxy) -> None:
    proxy.wait_stat("listener_manager.listener_removed", 2)
    assert proxy.stat("listener_manager.listener_modified") == 4
    assert proxy.stat("listener_manager.listener_in_place_updated") == 2


@pytest.fixture
def serving(files, start, servers):  # noqa: F811
    """serving(listeners, arguments...): a proxy with these listeners, from files."""

    def run(listeners: list[dict], *arguments: str):
        files.write("cds", static("one", ONE), static("two", TWO), static("echo", ECHO))
        files.write("lds", *listeners)
        return start(*arguments)

    return run


# -- each policy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, arguments",
    [
        (None, ["--drain-time-s", TIME[:-1]]),
        ("on_change", ["--drain-time-s", TIME[:-1]]),
        (TIME, []),
    ],
    ids=["default", "on_change", "time"],
)
def test_they_are_told_and_after_the_drain_time_ended(plain_lab, files, serving, value, arguments):  # noqa: F811
    how = policy(value)
    proxy = serving(before(how), *arguments)
    with Held(plain_lab) as held:
        files.write("lds", *after(how))
        wait_for_fates(proxy)
        assert (proxy.stat(LISTENERS), proxy.stat(CHAINS)) == (4, 2)
        assert draining(proxy) == {f"{kind}-{fate}" for kind in ("http", "tcp") for fate in (CHANGED, REMOVED)}
        held.are_told()
        held.are_ended()
        proxy.wait_ended({"drained": 6, "finished": 3})
        proxy.wait_stat(LISTENERS, 0)
        proxy.wait_stat(CHAINS, 0)
        assert draining(proxy) == set()


def test_never_they_go_on_as_they_began(plain_lab, files, serving):  # noqa: F811
    """With a drain time that would end whatever drains at once."""
    how = policy("never")
    proxy = serving(before(how), "--drain-time-s", "0")
    with Held(plain_lab) as held:
        files.write("lds", *after(how))
        wait_for_fates(proxy)
        for fate in (CHANGED, IN_PLACE):
            with Client1(plain_lab.peer.connect(POD[4], HTTP[fate], timeout=20)) as fresh:
                assert fresh.ask().body == b"two"
        held.go_on()
        assert (proxy.stat(LISTENERS), proxy.stat(CHAINS), draining(proxy)) == (0, 0, set())
        files.write("lds")
        proxy.wait_stat("listener_manager.total_listeners_active", 0)
        held.go_on()
        assert "drained" not in proxy.ended()
        assert proxy.stat("http.in.downstream_cx_drain_close") == 0


def test_at_the_end_of_the_proxy_all_drain(plain_lab, files, serving):  # noqa: F811
    how = policy("never")
    proxy = serving(before(how), "--drain-time-s", TIME[:-1])
    with Held(plain_lab) as held:
        files.write("lds", *after(how))
        wait_for_fates(proxy)
        held.go_on()
        proxy.send_signal(signal.SIGTERM)
        held.are_told()
        held.are_ended()
    assert proxy.wait_exit(20) == 0


# -- which policy counts ------------------------------------------------------------------------------------------


def test_each_listener_has_its_own(plain_lab, files, serving):  # noqa: F811
    values = {CHANGED: "never", IN_PLACE: "on_change", REMOVED: "1s"}
    proxy = serving([tcp(fate, **policy(value)) for fate, value in values.items()])
    with contextlib.ExitStack() as stack:
        held = {value: stack.enter_context(plain_lab.peer.connect(POD[4], TCP[fate], timeout=20)) for fate, value in values.items()}
        for connection in held.values():
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
        files.write("lds")
        proxy.wait_stat("listener_manager.listener_removed", 3)
        assert held["1s"].recv(1) == b""
        proxy.wait_stat(LISTENERS, 1)
        assert draining(proxy) == {f"tcp-{IN_PLACE}"}
        for value in ("never", "on_change"):  # whose time is 600 s
            held[value].sendall(b"y")
            assert held[value].recv(1) == b"y"
        proxy.wait_ended({"drained": 1})


def test_another_policy_ends_nothing_and_counts_for_those_who_are_there(plain_lab, files, serving):  # noqa: F811
    proxy = serving([tcp(CHANGED)], "--drain-time-s", "0")
    with plain_lab.peer.connect(POD[4], TCP[CHANGED], timeout=20) as first:

        def goes_on() -> None:
            first.sendall(b"x")
            assert first.recv(1) == b"x"

        goes_on()
        files.write("lds", tcp(CHANGED, **policy("never")))
        proxy.wait_stat("listener_manager.listener_in_place_updated", 1)
        goes_on()
        # The version that leaves has the say, not the one that comes.
        files.write("lds", tcp(CHANGED, "other", **policy("0s")))
        proxy.wait_stat("listener_manager.listener_in_place_updated", 2)
        goes_on()
        with plain_lab.peer.connect(POD[4], TCP[CHANGED], timeout=20) as second:
            second.sendall(b"x")
            assert second.recv(1) == b"x"
            files.write("lds")
            assert second.recv(1) == b""
        goes_on()
        proxy.wait_ended({"drained": 1})


@pytest.mark.parametrize("value, answer", [("never", b"x"), ("0s", b"")])
def test_who_is_still_inspected_drains_too(plain_lab, files, serving, value, answer):  # noqa: F811
    inspector = typed("envoy.filters.listener.tls_inspector")
    proxy = serving([tcp(CHANGED, listener_filters=[inspector], **policy(value))])
    with plain_lab.peer.connect(POD[4], TCP[CHANGED], timeout=20) as late:
        proxy.wait_stat(f"listener.{POD[4]}_{TCP[CHANGED]}.downstream_pre_cx_active", 1)
        files.write("lds")
        proxy.wait_stat("listener_manager.listener_removed", 1)
        proxy.wait_stat(LISTENERS, 0)
        late.sendall(b"x")
        try:
            assert late.recv(1) == answer
        except ConnectionResetError:  # nobody has read what it said
            assert not answer
        assert proxy.ended() == ({} if answer else {"drained": 1})


def test_what_is_no_policy_is_refused(plain_lab, files, serving):  # noqa: F811
    proxy = serving([http(CHANGED)])
    files.write("lds", http(CHANGED, "two", **policy("sometimes")))
    proxy.wait_stat("listener_manager.lds.update_rejected", 1)
    text = "metadata.filter_metadata.weir.drain_policy: drain policy 'sometimes': expected never, on_change or a time such as 30s"
    assert text in proxy.log()
    with Client1(plain_lab.peer.connect(POD[4], HTTP[CHANGED], timeout=20)) as client:
        assert client.ask().body == b"one"


# -- drain_type ---------------------------------------------------------------------------------------------------


def test_a_failed_health_check_drains_but_not_modify_only(plain_lab, files, serving):  # noqa: F811
    kept = {"drain_type": "MODIFY_ONLY"}
    proxy = serving([http(CHANGED), http(IN_PLACE, **kept)])

    def connect(fate: str):
        return plain_lab.peer.connect(POD[4], HTTP[fate], timeout=20)

    with (
        Client1(connect(CHANGED)) as one,
        Client2(connect(CHANGED)) as two,
        Client1(connect(IN_PLACE)) as kept_one,
        Client2(connect(IN_PLACE)) as kept_two,
    ):
        for client in (one, two, kept_one, kept_two):
            client.ask()
        proxy.ask("POST", "/healthcheck/fail")
        assert one.ask().header("connection") == "close"
        assert one.wait_end() == "fin"
        assert status(two.ask()) == 200
        while two.wire.goaway is None:
            assert two.pump(), "GOAWAY comes before the end"
        for _ in range(2):
            assert kept_one.ask().header("connection") is None
            assert status(kept_two.ask()) == 200
        assert kept_two.wire.goaway is None
        assert proxy.stat("http.in.downstream_cx_drain_close") == 2

        proxy.ask("POST", "/healthcheck/ok")
        with Client1(connect(CHANGED)) as fresh:
            for _ in range(2):
                assert fresh.ask().header("connection") is None

        files.write("lds", http(CHANGED), http(IN_PLACE, "two", **kept))
        proxy.wait_stat("listener_manager.listener_in_place_updated", 1)
        assert kept_one.ask().header("connection") == "close"
        while kept_two.wire.goaway is None:
            assert kept_two.pump(), "GOAWAY comes before the end"
