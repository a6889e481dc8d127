# SPDX-License-Identifier: Apache-2.0
"""Access logs as an operator reads them: every operator of TCP, text and JSON, files and standard output, rotation."""

import json
import re
import signal
import socket
import threading
import time

import pytest

from harness.lab import OUTSIDE, POD
from proxy_config import (
    black_hole, bootstrap, chain, cluster, file_log, listener, original_dst, tcp_proxy, tls_inspector, typed,
)  # fmt: skip
from proxy_peers import echo, how_it_ends, read_exactly, reset, says, who
from proxy_process import new_directory, wait_for, wait_for_lines

HOST = OUTSIDE[4]


def text_log(path: str, text: str) -> dict:
    return file_log(path, log_format={"text_format_source": {"inline_string": text}})


@pytest.fixture
def logging(plain_lab, run_proxy, serve):
    """logging(log) → a proxy whose tcp_proxy on POD:9000 writes it; log may be made from the directory's path."""

    def start(make_log, *arguments: str, **options):
        serve(plain_lab.peer, HOST, 7000, echo)
        directory = new_directory()
        log = make_log(directory) if callable(make_log) else make_log
        made = listener("frontend", POD[4], 9000, chain(tcp_proxy("backend", access_log=[log]), "the chain"))
        return run_proxy(
            plain_lab.pod, bootstrap([made], [cluster("backend", (HOST, 7000))]), *arguments, directory=directory, **options
        )

    return start


def exchange(lab, size: int = 5) -> tuple[str, int]:
    """One connection that carries `size` bytes each way; the client's address."""
    with lab.peer.connect(POD[4], 9000) as client:
        client.sendall(b"x" * size)
        assert len(read_exactly(client, size)) == size
        return client.getsockname()


def test_every_operator_of_tcp_in_text(plain_lab, logging):
    operators = (
        "BYTES_RECEIVED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS "
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT "
        "DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT "
        "DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DURATION "
        "ENVIRONMENT(WEIR_TEST) ENVIRONMENT(WEIR_UNSET) FILTER_CHAIN_NAME HOSTNAME PROTOCOL REQUESTED_SERVER_NAME REQ(:METHOD) "
        "RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS ROUTE_NAME START_TIME(%s) UPSTREAM_CLUSTER UPSTREAM_HOST "
        "UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_PORT "
        "UPSTREAM_TRANSPORT_FAILURE_REASON WEIR_LISTENER"
    ).split()
    text = "|".join(f"{name.replace('%', '%%')}=%{name}%" for name in operators) + "|100%%\n"
    proxy = logging(lambda directory: text_log(f"{directory}/access.log", text), env={"WEIR_TEST": "a value"}, workers=1)
    host, port = exchange(plain_lab, 123)
    (line,) = wait_for_lines(proxy.directory / "access.log", 1)
    parts = line.rstrip("\n").split("|")
    assert parts[-1] == "100%"
    values = dict(part.split("=", 1) for part in parts[:-1])
    assert abs(int(values.pop("START_TIME(%s)")) - time.time()) < 120
    assert int(values.pop("DURATION")) < 60_000
    assert re.fullmatch(rf"{re.escape(POD[4])}:\d+", values.pop("UPSTREAM_LOCAL_ADDRESS"))
    assert values == {
        "BYTES_RECEIVED": "123",
        "BYTES_SENT": "123",
        "CONNECTION_ID": "1",
        "CONNECTION_TERMINATION_DETAILS": "-",
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": f"{host}:{port}",
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": host,
        "DOWNSTREAM_LOCAL_ADDRESS": f"{POD[4]}:9000",
        "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": POD[4],
        "DOWNSTREAM_LOCAL_PORT": "9000",
        "DOWNSTREAM_REMOTE_ADDRESS": f"{host}:{port}",
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": host,
        "DOWNSTREAM_REMOTE_PORT": str(port),
        "ENVIRONMENT(WEIR_TEST)": "a value",
        "ENVIRONMENT(WEIR_UNSET)": "-",
        "FILTER_CHAIN_NAME": "the chain",
        "HOSTNAME": socket.gethostname(),
        "PROTOCOL": "-",
        "REQUESTED_SERVER_NAME": "-",
        "REQ(:METHOD)": "-",
        "RESPONSE_CODE": "0",
        "RESPONSE_CODE_DETAILS": "-",
        "RESPONSE_FLAGS": "-",
        "ROUTE_NAME": "-",
        "UPSTREAM_CLUSTER": "backend",
        "UPSTREAM_HOST": f"{HOST}:7000",
        "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": POD[4],
        "UPSTREAM_REMOTE_ADDRESS": f"{HOST}:7000",
        "UPSTREAM_REMOTE_PORT": "7000",
        "UPSTREAM_TRANSPORT_FAILURE_REASON": "-",
        "WEIR_LISTENER": "frontend",
    }


def test_the_default_format_is_envoys(plain_lab, logging):
    proxy = logging(lambda directory: typed("envoy.access_loggers.file", path=f"{directory}/access.log"))
    exchange(plain_lab, 7)
    (line,) = wait_for_lines(proxy.directory / "access.log", 1)
    assert re.fullmatch(
        r'\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "- - -" 0 - 7 7 \d+ - "-" "-" "-" "-" "203\.0\.113\.100:7000"\n', line
    ), line


def test_json_has_numbers_null_and_nested_objects(plain_lab, logging):
    fields = {
        "received": "%BYTES_RECEIVED%", "text": "got %BYTES_RECEIVED%", "sni": "%REQUESTED_SERVER_NAME%", "constant": "fixed",
        "inner": {"host": "%UPSTREAM_HOST%", "list": ["%BYTES_SENT%", "x"]},
    }  # fmt: skip
    proxy = logging(lambda directory: file_log(f"{directory}/access.log", log_format={"json_format": fields}))
    exchange(plain_lab, 9)
    (line,) = proxy.access_lines(1)
    assert line == {
        "received": 9, "text": "got 9", "sni": None, "constant": "fixed",
        "inner": {"host": f"{HOST}:7000", "list": [9, "x"]},
    }  # fmt: skip


def test_the_older_json_format_has_texts(plain_lab, logging):
    fields = {"received": "%BYTES_RECEIVED%", "sni": "%REQUESTED_SERVER_NAME%"}
    proxy = logging(lambda directory: typed("envoy.access_loggers.file", path=f"{directory}/access.log", json_format=fields))
    exchange(plain_lab, 9)
    (line,) = proxy.access_lines(1)
    assert line == {"received": "9", "sni": "-"}


@pytest.mark.parametrize("kind", ["stdout logger", "/dev/stdout"])
def test_standard_output(plain_lab, logging, kind):
    if kind == "/dev/stdout":
        log = text_log("/dev/stdout", "to %UPSTREAM_HOST%\n")
    else:
        log = typed(
            "envoy.access_loggers.stdout", log_format={"text_format_source": {"inline_string": "to %UPSTREAM_HOST%\n"}}
        )
    proxy = logging(log)
    exchange(plain_lab)
    assert wait_for_lines(proxy.directory / "stdout", 1) == [f"to {HOST}:7000\n"]


@pytest.mark.parametrize("how", ["SIGUSR1", "admin"])
def test_a_rotated_file_is_opened_again(plain_lab, logging, how):
    proxy = logging(lambda directory: text_log(f"{directory}/access.log", "%BYTES_SENT%\n"))
    exchange(plain_lab, 1)
    log, rotated = proxy.directory / "access.log", proxy.directory / "access.log.1"
    assert wait_for_lines(log, 1) == ["1\n"]
    log.rename(rotated)
    exchange(plain_lab, 2)
    assert wait_for_lines(rotated, 2) == ["1\n", "2\n"]
    if how == "SIGUSR1":
        proxy.send_signal(signal.SIGUSR1)
    else:
        assert proxy.ask("POST", "/reopen_logs").text == "OK\n"
    wait_for(log.exists, "a new file")
    exchange(plain_lab, 3)
    assert wait_for_lines(log, 1) == ["3\n"]
    assert wait_for_lines(rotated, 2) == ["1\n", "2\n"]


def test_one_line_for_every_connection(plain_lab, logging):
    proxy = logging(lambda directory: file_log(f"{directory}/access.log"), workers=2)
    threads = [threading.Thread(target=lambda: [exchange(plain_lab, 50) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = proxy.access_lines(200)
    assert len({line["id"] for line in lines}) == 200
    assert {(line["received"], line["sent"], line["flags"]) for line in lines} == {(50, 50, "-")}
    wait_for(lambda: proxy.stat("weir.access_log.lines_written") == 200, "counted")
    assert proxy.stat("weir.access_log.lines_dropped") == 0


def test_each_reason_is_named(plain_lab, run_proxy, serve):
    """One connection for each way to end; every line tells which it was."""
    serve(plain_lab.peer, HOST, 7000, echo)
    serve(plain_lab.peer, HOST, 7001, lambda connection: (connection.recv(1), reset(connection)))
    directory = new_directory()
    log = [file_log(f"{directory}/access.log")]

    def entry(port: int, target: str, **fields) -> dict:
        return listener(f"l{port}", POD[4], port, chain(tcp_proxy(target, access_log=log, **fields)))

    proxy = run_proxy(
        plain_lab.pod,
        bootstrap(
            [
                entry(9000, "echo"), entry(9001, "resets"), entry(9002, "hole"), entry(9003, "refused"),
                entry(9004, "nobody"), entry(9005, "echo", idle_timeout="0.2s"),
                entry(9006, "echo", max_downstream_connection_duration="0.2s"), entry(9007, "original"),
            ],
            [cluster("echo", (HOST, 7000)), cluster("resets", (HOST, 7001)), black_hole("hole"),
             cluster("refused", (HOST, 7002)), original_dst("original")],
        ),
        directory=directory,
    )  # fmt: skip
    exchange(plain_lab)
    for port in range(9001, 9008):
        who(plain_lab.peer, POD[4], port, b"x")
    client = plain_lab.peer.connect(POD[4], 9000)
    client.sendall(b"x")
    assert read_exactly(client, 1) == b"x"
    reset(client)
    lines = proxy.access_lines(9)
    seen = {(line["listener"], line["flags"]): (line["details"] or "").replace("_", " ") for line in lines}
    assert seen == {
        ("l9000", "-"): "",
        ("l9000", "DC"): "",
        ("l9001", "UC"): "",
        ("l9002", "UH"): "the cluster has no usable host",
        ("l9003", "UF,URX"): "the upstream could not be connected",
        ("l9004", "NC"): "the cluster does not exist",
        ("l9005", "SI"): "no byte in either direction for the idle timeout",
        ("l9006", "DT"): "open for the maximum duration",
        ("l9007", "UH"): "the connection was not redirected and has no original destination",
    }
    assert proxy.ended() == {
        "finished": 1, "downstream_reset": 1, "upstream_reset": 1, "no_healthy_upstream": 1, "connect_failed": 1,
        "no_cluster": 1, "idle_timeout": 1, "max_duration": 1, "no_original_destination": 1,
    }  # fmt: skip


def test_what_a_peer_sends_cannot_forge_lines(plain_lab, run_proxy, serve):
    """A server name with a line break in it stays inside its field."""
    serve(plain_lab.peer, HOST, 7000, says("x"))
    directory = new_directory()
    name = b"a\nforged|"
    hello = client_hello_with(name)
    logs = [text_log(f"{directory}/text.log", "%REQUESTED_SERVER_NAME%|\n"), file_log(f"{directory}/access.log")]
    run_proxy(
        plain_lab.pod,
        bootstrap(
            [listener("in", POD[4], 9000, chain(tcp_proxy("c", access_log=logs)), listener_filters=[tls_inspector()])],
            [cluster("c", (HOST, 7000))],
        ),
        directory=directory,
    )
    with plain_lab.peer.connect(POD[4], 9000) as client:
        client.sendall(hello)
        client.shutdown(socket.SHUT_WR)
        how_it_ends(client)
    wait_for(lambda: (directory / "text.log").exists() and (directory / "text.log").read_text(), "a line")
    assert len((directory / "text.log").read_text().splitlines()) == 1
    (line,) = (directory / "access.log").read_text().splitlines()
    json.loads(line)


def client_hello_with(name: bytes) -> bytes:
    """A TLS 1.2 ClientHello whose server name is any bytes."""

    def counted(size: int, data: bytes) -> bytes:
        return len(data).to_bytes(size, "big") + data

    server_name = b"\0\0" + counted(2, counted(2, b"\0" + counted(2, name)))
    body = b"\x03\x03" + b"r" * 32 + counted(1, b"") + counted(2, b"\x13\x01") + counted(1, b"\0") + counted(2, server_name)
    return b"\x16\x03\x01" + counted(2, b"\x01" + counted(3, body))


def test_a_log_that_cannot_be_opened_is_an_error_at_start(plain_lab, run_proxy):
    proxy = run_proxy(
        plain_lab.pod,
        bootstrap(
            [listener("in", POD[4], 9000, chain(tcp_proxy("c", access_log=[file_log("/nowhere/access.log")])))],
            [cluster("c", (HOST, 7000))],
        ),
        wait=False,
    )
    assert proxy.wait_exit(10) == 1
    assert "access log file '/nowhere/access.log': No such file or directory" in proxy.log()


def test_the_log_of_the_proxy_names_every_connection_that_it_ended(plain_lab, run_proxy):
    proxy = run_proxy(plain_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("hole", "trap"))], [black_hole("hole")]))
    with plain_lab.peer.connect(POD[4], 9000) as client:
        how_it_ends(client)
        host, port = client.getsockname()
    wait_for(
        lambda: f"{host}:{port} -> {POD[4]}:9000: the cluster has no usable host (UH); listener 'in', chain 'trap'" in proxy.log(),
        "a line in the log",
    )
    quiet = run_proxy(
        plain_lab.pod,
        bootstrap([listener("in", POD[4], 9001, chain("hole"))], [black_hole("hole")], admin=("127.0.0.1", 15010)),
        "--component-log-level", "connection:warning",
        admin=("127.0.0.1", 15010),
    )  # fmt: skip
    with plain_lab.peer.connect(POD[4], 9001) as client:
        how_it_ends(client)
    quiet.wait_ended({"no_healthy_upstream": 1})
    assert "no usable host" not in quiet.log()


def filtered(path: str, **filter_) -> dict:
    return {**file_log(path), "filter": filter_}


def test_a_log_of_connections_without_a_route_holds_no_others(plain_lab, run_proxy, serve):
    """The listener log that Istio's control plane configures: response flag NR."""
    serve(plain_lab.peer, HOST, 7001, says("served"))
    directory = new_directory()
    made = listener(
        "frontend", "0.0.0.0", 9000,
        chain("backend", match={"destination_port": 9000, "prefix_ranges": [{"address_prefix": POD[4], "prefix_len": 32}]}),
        access_log=[
            filtered(f"{directory}/no_route.log", response_flag_filter={"flags": ["NR"]}),
            filtered(f"{directory}/access.log", not_health_check_filter={}),
        ],
    )  # fmt: skip
    proxy = run_proxy(plain_lab.pod, bootstrap([made], [cluster("backend", (HOST, 7001))]), directory=directory)
    assert who(plain_lab.peer, POD[4], 9000) == "served"
    assert who(plain_lab.pod, "127.0.0.1", 9000) in ("eof", "reset")
    assert who(plain_lab.peer, POD[4], 9000) == "served"
    assert [line["flags"] for line in proxy.access_lines(3)] == ["-", "NR", "-"]
    (line,) = proxy.access_lines(1, "no_route.log")
    assert (line["flags"], line["local"]) == ("NR", "127.0.0.1:9000")


def test_filters_of_a_log_combine(plain_lab, logging):
    """Of three connections the one that lasted, and the one that was reset."""
    wanted = [
        {"response_flag_filter": {}},
        {"and_filter": {"filters": [
            {"duration_filter": {"comparison": {"op": "GE", "value": {"default_value": 300, "runtime_key": "x"}}}},
            {"status_code_filter": {"comparison": {"op": "LE", "value": {"default_value": 399, "runtime_key": "y"}}}},
        ]}},
    ]  # fmt: skip
    proxy = logging(lambda directory: filtered(f"{directory}/access.log", or_filter={"filters": wanted}))
    exchange(plain_lab, 1)
    with plain_lab.peer.connect(POD[4], 9000) as client:
        client.sendall(b"22")
        assert len(read_exactly(client, 2)) == 2
        time.sleep(0.4)
    client = plain_lab.peer.connect(POD[4], 9000)
    client.sendall(b"333")
    assert len(read_exactly(client, 3)) == 3
    reset(client)
    proxy.wait_ended({"finished": 2, "downstream_reset": 1})
    assert sorted((line["received"], line["flags"]) for line in proxy.access_lines(2)) == [(2, "-"), (3, "DC")]
