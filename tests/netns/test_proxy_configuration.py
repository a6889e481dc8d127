# SPDX-License-Identifier: Apache-2.0
"""What a person sees who gets the configuration or the command line wrong, or asks only whether it is right."""

import json
import signal
import subprocess

import pytest

from harness import programs
from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, listener, outbound, virtual
from proxy_peers import says, who
from proxy_process import new_directory, wait_for

HOST = OUTSIDE[4]

GOOD = """\
admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 15000 } }
static_resources:
  listeners:
    - name: in
      address: { socket_address: { address: 0.0.0.0, port_value: 9000 } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: t
                cluster: c
  clusters:
    - name: c
      type: STATIC
      connect_timeout: 0.25s
      load_assignment:
        cluster_name: c
        endpoints:
          - lb_endpoints:
              - endpoint: { address: { socket_address: { address: 203.0.113.100, port_value: 7000 } } }
"""


@pytest.fixture
def run(possible, tmp_path):
    """run(*arguments, config=text) → the finished weir-proxy: validation opens no socket, so any namespace will do."""

    def start(*arguments: str, config: str | None = None, name: str = "bootstrap.yaml") -> subprocess.CompletedProcess:
        more = []
        if config is not None:
            path = tmp_path / name
            path.write_text(config)
            more = ["-c", str(path)]
        return subprocess.run(
            [programs.weir_proxy(), *arguments, *more], capture_output=True, text=True, timeout=20, check=False
        )

    return start


def test_validate_says_what_it_found(run):
    done = run("--mode", "validate", config=GOOD)
    assert (done.returncode, done.stdout) == (0, "configuration OK: 1 listeners, 1 clusters\n"), done.stderr


def test_validate_opens_no_socket(plain_lab, run_proxy, serve):
    """The same configuration is being served: its ports are taken."""
    serve(plain_lab.peer, HOST, 7000, says("served"))
    proxy = run_proxy(plain_lab.pod, GOOD)
    again = run_proxy(plain_lab.pod, GOOD, "--mode", "validate", wait=False)
    assert again.wait_exit(10) == 0
    assert who(plain_lab.peer, POD[4], 9000) == "served"
    assert proxy.process.poll() is None


def test_the_built_in_configuration_is_valid(run):
    for arguments in ([], ["--outbound", "REGISTRY_ONLY"]):
        done = run("--mode", "validate", *arguments)
        assert (done.returncode, done.stdout) == (0, "configuration OK: 2 listeners, 4 clusters\n"), done.stderr


@pytest.mark.parametrize(
    "old, new, place, reason",
    [
        ("connect_timeout", "conect_timeout", "17:7", "conect_timeout"),
        ("                cluster: c", "                clusters: c", "13:17", "clusters"),
        ("filters.network.tcp_proxy\n", "filters.network.tcp_prxy\n", None, None),
        ("v3.TcpProxy", "v3.TcpPrxy", "9:1", "TcpPrxy"),
        ("type: STATIC", "type: STATICAL", "16:", "STATICAL"),
        ("0.25s", "0.25", "17:", "0.25"),
        ("port_value: 9000", "port_value: 90000", "6:", "90000"),
        ("address: 0.0.0.0", "address: 0.0.0", "6:", "0.0.0"),
        ("address: 203.0.113.100", "address: example.com", "", "example.com"),
        ("name: in", "name: [in", "", ""),
        ("type: STATIC", "type: STATIC\n      lb_policy: MAGLEV", "17:", "MAGLEV"),
    ],
)
def test_a_mistake_is_named_with_its_place(run, old, new, place, reason):
    assert old in GOOD
    done = run("--mode", "validate", config=GOOD.replace(old, new, 1))
    if reason is None:  # names of filters are free text, as in Envoy: the type decides
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("weir-proxy: configuration refused"), done.stderr
    assert any(f"bootstrap.yaml:{place}" in line and reason in line for line in lines), done.stderr


def test_several_mistakes_are_told_at_once(run):
    text = GOOD.replace("connect_timeout", "conect_timeout").replace(" cluster: c", " clusters: c")
    done = run("--mode", "validate", config=text)
    assert done.returncode == 1
    assert "conect_timeout" in done.stderr and "'clusters'" in done.stderr
    assert done.stderr.splitlines()[-1] == "weir-proxy: configuration refused: 2 errors"


def test_a_known_field_that_is_not_implemented_says_so(run):
    text = GOOD.replace("      connect_timeout: 0.25s\n", "      connect_timeout: 0.25s\n      lb_subset_config: {}\n")
    done = run("--mode", "validate", config=text)
    assert done.returncode == 1
    assert "lb_subset_config" in done.stderr and "bootstrap.yaml:18:" in done.stderr


def test_unknown_fields_can_be_allowed(run):
    text = GOOD.replace("stat_prefix: t", "stat_prefix: t\n                surprise: 1")
    done = run("--mode", "validate", "--allow-unknown-static-fields", config=text)
    assert done.returncode == 0, done.stderr
    assert "surprise" in done.stderr  # as a warning


def test_json_is_read_as_well(run):
    done = run("--mode", "validate", config=json.dumps(bootstrap([], [])), name="bootstrap.json")
    assert (done.returncode, done.stdout) == (0, "configuration OK: 0 listeners, 0 clusters\n"), done.stderr


def test_a_duplicate_address_is_refused_in_envoys_words(run):
    config = bootstrap(
        [outbound(chain("c")), virtual("one", "203.0.113.200", 80, chain("c")), virtual("two", "203.0.113.200", 80, chain("c"))],
        [cluster("c", (HOST, 7000))],
    )
    done = run("--mode", "validate", config=json.dumps(config))
    assert done.returncode == 1
    assert "error adding listener: 'two' has duplicate address '203.0.113.200:80' as existing listener" in done.stderr


def test_chains_that_cannot_be_told_apart_are_refused_in_envoys_words(run):
    match = {"destination_port": 80}
    config = bootstrap([outbound(chain("c", "a", match=match), chain("c", "b", match=match))], [cluster("c", (HOST, 7000))])
    done = run("--mode", "validate", config=json.dumps(config))
    assert done.returncode == 1
    assert "filter chain 'b' has the same matching rules defined as 'a'" in done.stderr


def test_an_original_destination_cluster_needs_its_own_policy(run):
    config = bootstrap([outbound(chain("c"))], [cluster("c", kind="ORIGINAL_DST")])
    done = run("--mode", "validate", config=json.dumps(config))
    assert done.returncode == 1
    assert "is not valid for Cluster type ORIGINAL_DST" in done.stderr


def test_a_missing_file(run):
    done = run("-c", "/nowhere/bootstrap.yaml")
    assert done.returncode == 1
    assert "/nowhere/bootstrap.yaml" in done.stderr and "No such file" in done.stderr


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["--mode", "init_only"], "expected serve or validate"),
        (["--outbound", "SOME"], "expected ALLOW_ANY or REGISTRY_ONLY"),
        (["--concurrency", "many"], "--concurrency"),
        (["--no-such-flag"], "--no-such-flag"),
        (["-l", "loud"], "loud"),
        (["--config-proto", "x"], "not supported"),
        (["--drain-time-s", "-1"], "must be 0 to 86400"),
        (["--outbound", "ALLOW_ANY", "--config-yaml", "{}"], "concerns the built-in configuration"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(run, arguments, reason):
    done = run(*arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stdout == ""


def test_help_and_version(run):
    done = run("--help")
    assert done.returncode == 0
    for flag in ("--config-path", "--config-yaml", "--mode", "--concurrency", "--log-path", "--drain-time-s", "--outbound"):
        assert flag in done.stdout
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("weir-proxy ")


def test_config_yaml_is_laid_over_the_file(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, HOST, 7000, says("served"))
    overlay = "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 15044 } } }\nnode: { id: overlaid }"
    proxy = run_proxy(plain_lab.pod, GOOD, "--config-yaml", overlay, admin=("127.0.0.1", 15044))
    assert json.loads(proxy.text("/server_info"))["node"]["id"] == "overlaid"
    assert who(plain_lab.peer, POD[4], 9000) == "served"


def test_the_default_configuration_of_an_image(plain_lab, run_proxy, serve):
    """WEIR_DEFAULT_CONFIG names where one is mounted; where none is, the built-in configuration serves."""
    serve(plain_lab.peer, HOST, 7000, says("served"))
    directory = new_directory()
    mounted = directory / "envoy.yaml"
    built_in = run_proxy(plain_lab.pod, None, env={"WEIR_DEFAULT_CONFIG": str(mounted)})
    assert "virtualInbound::" in built_in.text("/listeners")
    built_in.send_signal(signal.SIGINT)
    assert built_in.wait_exit() == 0
    mounted.write_text(GOOD)
    proxy = run_proxy(plain_lab.pod, None, env={"WEIR_DEFAULT_CONFIG": str(mounted)}, directory=directory)
    assert f"WEIR_DEFAULT_CONFIG: the configuration is '{mounted}'" in proxy.log()
    assert who(plain_lab.peer, POD[4], 9000) == "served"


def test_the_log_goes_to_a_file(plain_lab, run_proxy):
    directory = new_directory()
    proxy = run_proxy(plain_lab.pod, GOOD, "--log-path", f"{directory}/proxy.log", directory=directory, wait=False)
    wait_for(lambda: (directory / "proxy.log").exists() and "serving" in (directory / "proxy.log").read_text(), "a log file")
    assert proxy.log() == ""


@pytest.mark.parametrize("taken", ["listener", "admin"])
def test_a_port_in_use(plain_lab, run_proxy, taken):
    with plain_lab.pod.listen("0.0.0.0", 9000 if taken == "listener" else 15000):
        proxy = run_proxy(plain_lab.pod, GOOD, wait=False)
        assert proxy.wait_exit(10) == 1
    if taken == "listener":
        assert "listener 'in' 0.0.0.0:9000: bind: Address already in use" in proxy.log()
        assert "another process, or another listener, has this port" in proxy.log()
    else:
        assert "admin address '127.0.0.1:15000': bind: Address already in use" in proxy.log()


def test_a_privileged_port_and_a_foreign_address(plain_lab, run_proxy):
    plain_lab.pod.sysctl("net/ipv4/ip_unprivileged_port_start", 1024)
    low = run_proxy(plain_lab.pod, GOOD.replace("9000", "80"), wait=False)
    assert low.wait_exit(10) == 1
    assert "CAP_NET_BIND_SERVICE" in low.log()
    foreign = run_proxy(plain_lab.pod, GOOD.replace("0.0.0.0", "203.0.113.99"), wait=False)
    assert foreign.wait_exit(10) == 1
    assert "listener 'in' 203.0.113.99:9000" in foreign.log() and "freebind" in foreign.log()


def test_the_tutorials_quirks_are_accepted_and_work(plain_lab, run_proxy, serve):
    """T25: mixed-case enums, one object where a list belongs, camelCase beside snake_case, quoted numbers."""
    serve(plain_lab.peer, HOST, 7000, says("served"))
    text = """
admin: { address: { socketAddress: { address: 127.0.0.1, port_value: "15000" } } }
static_resources:
  listeners:
    name: in
    address: { socket_address: { address: 0.0.0.0, portValue: 9000 } }
    filterChains:
      filters:
        name: envoy.filters.network.tcp_proxy
        typedConfig:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          statPrefix: t
          cluster: c
  clusters:
    - name: c
      type: Static
      connectTimeout: 0.25s
      lb_policy: Round_Robin
      loadAssignment:
        clusterName: another name
        endpoints: { lbEndpoints: { endpoint: { address: { socket_address: { address: 203.0.113.100, port_value: 7000 } } } } }
"""
    proxy = run_proxy(plain_lab.pod, text)
    assert who(plain_lab.peer, POD[4], 9000) == "served"
    assert "warning" in proxy.log()


def test_socket_options_and_freebind_are_applied(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, HOST, 7000, says("served"))
    defer_accept = {"level": 6, "name": 9, "int_value": 1, "state": "STATE_PREBIND"}  # TCP_DEFER_ACCEPT
    config = bootstrap(
        [
            listener("defers", POD[4], 9000, chain("c"), socket_options=[defer_accept], tcp_backlog_size=7),
            listener("free", "203.0.113.99", 9001, chain("c"), freebind=True),
        ],
        [cluster("c", (HOST, 7000))],
    )
    run_proxy(plain_lab.pod, config, workers=1)
    listening = plain_lab.pod.tool("ss", "-Htln")
    (line,) = [line for line in listening.splitlines() if f"{POD[4]}:9000" in line]
    assert line.split()[2] == "7"
    assert "203.0.113.99:9001" in listening
    plain_lab.pod.ip_batch(["addr add 203.0.113.99/32 dev lo"])
    assert who(plain_lab.pod, "203.0.113.99", 9001) == "served"
    plain_lab.pod.ip_batch(["addr del 203.0.113.99/32 dev lo"])
