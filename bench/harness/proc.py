# SPDX-License-Identifier: Apache-2.0
"""What /proc says about a process and the machine."""

import os
import platform
import time
from pathlib import Path


def family(pid):
    """The process and all its descendants."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                pids += family(int(child))
        except OSError:
            pass
    return pids


def memory(pid):
    """{"pss": bytes, "private_dirty": bytes} of a process and its descendants."""
    total = {"pss": 0, "private_dirty": 0}
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            word, _, rest = line.partition(":")
            key = word.lower()
            if key in total:
                total[key] += int(rest.split()[0]) * 1024
    return total


def cgroup_memory(pid):
    """Bytes that the memory cgroup of a process is charged for: all, and its parts; {} where it cannot be read."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            folder, total, parts = Path("/sys/fs/cgroup/memory" + path), "memory.usage_in_bytes", {"rss": "anon", "cache": "file"}
        elif not controllers:
            folder, total, parts = Path("/sys/fs/cgroup" + path), "memory.current", {"anon": "anon", "file": "file"}
        else:
            continue
        if not (folder / total).exists():
            continue
        stat = dict(entry.split() for entry in (folder / "memory.stat").read_text().splitlines())
        found = {"all": int((folder / total).read_text())} | {name: int(stat[key]) for key, name in parts.items()}
        return found | {"kernel": found["all"] - found["anon"] - found["file"]}
    return {}


def cpu_ms(pid):
    """CPU time of all threads of a process since it began, in ms."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e6


def settled_memory(pid):
    """memory() and the kernel's slab, when what came before has calmed down."""
    time.sleep(0.5)
    return memory(pid) | {"slab": slab()}


def slab():
    """Bytes of kernel slab memory, of the whole machine."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1024
    return 0


def is_listening(pid, port):
    """Whether a socket of the process's namespace listens on the port."""
    suffix = f":{port:04X}"
    for family_file in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{family_file}").read_text().splitlines()[1:]
        except OSError:
            continue  # the process has just ended, or there is no IPv6
        for line in lines:
            fields = line.split()
            if fields[1].endswith(suffix) and fields[3] == "0A":
                return True
    return False


def passive_opens(pid):
    """Connections that the network namespace of a process has accepted."""
    names, numbers = (line.split() for line in Path(f"/proc/{pid}/net/snmp").read_text().splitlines()
                      if line.startswith("Tcp:"))
    return int(numbers[names.index("PassiveOpens")])


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {
        "kernel": platform.release(),
        "cpu": f"{os.cpu_count()} x {model}",
        "congestion control of the machine":
            Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
    }


def loadavg():
    return Path("/proc/loadavg").read_text().split()[:3]
