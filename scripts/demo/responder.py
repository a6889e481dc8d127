# SPDX-License-Identifier: Apache-2.0
"""Servers that answer with who they are and who called. Arguments: [greet:]NAME=ADDRESS:PORT ..."""

import asyncio
import socket
import sys


def address_of(endpoint) -> str:
    host, port = endpoint[0].removeprefix("::ffff:"), endpoint[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def answer(name: str, greets: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        here = address_of(writer.get_extra_info("sockname"))
        caller = address_of(writer.get_extra_info("peername")).rpartition(":")[0]
        line = f"{name} at {here}, called from {caller}\n"
        if not greets:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(line)}\r\nConnection: close"
            line = f"{head}\r\n\r\n{line}"
        writer.write(line.encode())
        await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
        pass  # a caller that hung up is not an error
    finally:
        writer.close()


async def serve(place: str) -> None:
    name, _, endpoint = place.rpartition("=")
    host, _, port = endpoint.rpartition(":")
    greets, name = name.startswith("greet:"), name.removeprefix("greet:")
    host = host.strip("[]")
    # "::" takes IPv4 too; start_server() by name would make it IPv6 alone.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((host, int(port)))
    await asyncio.start_server(lambda reader, writer: answer(name, greets, reader, writer), sock=listener)


async def main() -> None:
    for place in sys.argv[1:]:
        await serve(place)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
