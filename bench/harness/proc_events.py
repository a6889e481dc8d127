# SPDX-License-Identifier: Apache-2.0
"""When programs begin and end, as the kernel's process connector tells it: nothing in them or around them changes."""

import os
import socket
import struct
import threading

from harness.world import Failure, wait_until

NETLINK_CONNECTOR, CN_IDX_PROC, CN_VAL_PROC = 11, 1, 1
MULTICAST_LISTEN = 1
EXEC, EXIT = 0x00000002, 0x80000000
MESSAGE = struct.Struct("=IHHII")  # nlmsghdr
CONNECTOR = struct.Struct("=IIIIHH")  # cn_msg
EVENT = struct.Struct("=IIQII")  # proc_event: what, CPU, ns since the boot, thread and process
BUFFER = 4 << 20


class ProcEvents:
    """Notes when each process last executed a program, and when it ended, while it is entered."""

    def __init__(self):
        self._began, self._ended, self._lost = {}, {}, None

    def __enter__(self):
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
            self._socket.setsockopt(socket.SOL_SOCKET, 33, BUFFER)  # SO_RCVBUFFORCE
            self._socket.bind((0, CN_IDX_PROC))
        except OSError as why:
            raise Failure(f"the kernel's process connector: {why}") from None
        self._socket.settimeout(0.1)
        self._leave = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        word = struct.pack("=I", MULTICAST_LISTEN)
        body = CONNECTOR.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, len(word), 0) + word
        self._socket.send(MESSAGE.pack(MESSAGE.size + len(body), 3, 0, 0, os.getpid()) + body)  # 3: NLMSG_DONE
        return self

    def __exit__(self, *_):
        self._leave.set()
        self._reader.join()
        self._socket.close()

    def milliseconds(self, process):
        """From its last exec to its end, which is waited for."""
        wait_until(lambda: process in self._ended or self._lost, f"the end of process {process}", 5)
        if self._lost:
            raise Failure(f"the kernel's process connector: {self._lost}")
        if process not in self._began:
            raise Failure(f"process {process} executed nothing while it was watched")
        return (self._ended[process] - self._began[process]) / 1e6

    def _read(self):
        while not self._leave.is_set():
            try:
                data = self._socket.recv(4096)
            except TimeoutError:
                continue
            except OSError as why:  # events were lost: the buffer was full
                self._lost = why
                return
            what, _, now, thread, process = EVENT.unpack_from(data, MESSAGE.size + CONNECTOR.size)
            if what == EXEC:
                self._began[process] = now
            elif what == EXIT and thread == process:
                self._ended[process] = now
