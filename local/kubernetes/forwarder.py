"""Listens in the network namespace in which it is started and connects inside another one.

usage: forwarder.py NETWORK_NAMESPACE FORWARDS.json ADDRESS...

It listens on the first ADDRESS, and on the others as far as the machine has them. FORWARDS.json maps a port to
"ADDRESS:PORT" inside. It is read again on SIGHUP: new ports are opened, those that are no longer in it are closed;
connections that are open stay open.
"""

import asyncio
import ctypes
import functools
import json
import os
import signal
import socket
import sys

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
CHUNK = 65536
CONNECT_LIMIT_SECONDS = 5

libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace: int) -> None:
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


class Forwarder:
    def __init__(self, namespace: str, forwards: str, *addresses: str) -> None:
        self.inside = os.open(namespace, os.O_RDONLY)
        self.outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.forwards = forwards
        self.addresses = addresses
        self.targets: dict[int, tuple[str, int]] = {}
        self.servers: dict[int, list[asyncio.Server]] = {}

    def socket_inside(self) -> socket.socket:
        """A socket belongs for good to the namespace in which it was made. Nothing else runs between the two calls."""
        enter(self.inside)
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        finally:
            enter(self.outside)

    def read_targets(self) -> dict[int, tuple[str, int]]:
        with open(self.forwards, encoding="utf-8") as file:
            wanted = {int(port): target.rsplit(":", 1) for port, target in json.load(file).items()}
        return {port: (address, int(number)) for port, (address, number) in wanted.items()}

    async def reload(self) -> None:
        self.targets = self.read_targets()
        for port in self.servers.keys() - self.targets.keys():
            for server in self.servers.pop(port):
                server.close()
        for port in self.targets.keys() - self.servers.keys():
            self.servers[port] = await self.listen(port)

    async def listen(self, port: int) -> list[asyncio.Server]:
        serve = functools.partial(self.serve, port)
        first, *others = self.addresses
        servers = [await asyncio.start_server(serve, first, port)]
        for address in others:
            try:
                servers.append(await asyncio.start_server(serve, address, port))
            except OSError as error:  # a machine without IPv6
                print(f"not listening on [{address}]:{port}: {error}", flush=True)
        return servers

    async def serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self.socket_inside()
        connection.setblocking(False)
        try:
            loop = asyncio.get_running_loop()
            await asyncio.wait_for(loop.sock_connect(connection, self.targets[port]), CONNECT_LIMIT_SECONDS)
            inner_reader, inner_writer = await asyncio.open_connection(sock=connection)
        except (OSError, TimeoutError, KeyError) as error:
            print(f"port {port}: {error!r}", flush=True)
            connection.close()
            writer.close()
            return
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        inner_writer.close()
        writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies until the end, then tells the other side that no more comes."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()  # one side broke off: the other one must not wait for it


async def main() -> None:
    forwarder = Forwarder(*sys.argv[1:])
    changed = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, changed.set)
    changed.set()
    while await changed.wait():
        changed.clear()
        try:
            await forwarder.reload()
        except (OSError, ValueError) as error:
            print(f"{forwarder.forwards}: {error}", flush=True)


asyncio.run(main())
