"""Listens in the network namespace in which it is started and connects inside another one.

usage: forwarder.py NETWORK_NAMESPACE FORWARDS.json ADDRESS...

It listens on the first ADDRESS, and on the others as far as the machine has them. FORWARDS.json maps a port to
"ADDRESS:PORT" inside. It is read again on SIGHUP: new ports are opened, those that are no longer in it are closed;
connections that are open stay open.

The bytes never come to Python: splice(2) moves them from one socket to the other inside the kernel.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import sys
import threading
import time

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
F_SETPIPE_SZ = 1031  # <linux/fcntl.h>
PIPE_BYTES = 1 << 20
CONNECT_LIMIT_SECONDS = 5
BACKLOG = 128
RETRY_SECONDS = 0.1  # where there are too many files
STACK_BYTES = 256 * 1024

libc = ctypes.CDLL(None, use_errno=True)
libc.splice.restype = ctypes.c_ssize_t
libc.splice.argtypes = [
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_uint,
]


def check(result: int, call: str) -> int:
    """The result of a call of libc, or its error."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")
    return result


def splice(source: int, target: int) -> int:
    """Moves what there is, and waits for it; 0 at the end."""
    return check(libc.splice(source, None, target, None, PIPE_BYTES, 0), "splice")


def splice_exactly(source: int, target: int, count: int) -> None:
    while count > 0:
        count -= check(libc.splice(source, None, target, None, count, 0), "splice")


class Forwarder:
    def __init__(self, namespace: str, forwards: str, *addresses: str) -> None:
        self.inside = os.open(namespace, os.O_RDONLY)
        self.forwards = forwards
        self.addresses = addresses
        self.targets: dict[int, tuple[str, int]] = {}
        self.servers: dict[int, list[socket.socket]] = {}

    def read_targets(self) -> dict[int, tuple[str, int]]:
        with open(self.forwards, encoding="utf-8") as file:
            wanted = {int(port): target.rsplit(":", 1) for port, target in json.load(file).items()}
        return {port: (address, int(number)) for port, (address, number) in wanted.items()}

    def reload(self) -> None:
        self.targets = self.read_targets()
        for port in self.servers.keys() - self.targets.keys():
            for server in self.servers.pop(port):
                server.shutdown(socket.SHUT_RDWR)  # ends its thread, which closes it
        for port in self.targets.keys() - self.servers.keys():
            self.servers[port] = self.listen(port)

    def listen(self, port: int) -> list[socket.socket]:
        first, *others = self.addresses
        servers = [listener(first, port)]
        for address in others:
            try:
                servers.append(listener(address, port))
            except OSError as error:  # a machine without IPv6
                print(f"not listening on [{address}]:{port}: {error}", flush=True)
        for server in servers:
            threading.Thread(target=self.accept, args=(port, server), daemon=True).start()
        return servers

    def accept(self, port: int, server: socket.socket) -> None:
        with server:
            while True:
                try:
                    outer, _ = server.accept()
                except OSError as error:
                    if port not in self.targets:
                        return
                    print(f"port {port}: {error!r}", flush=True)
                    time.sleep(RETRY_SECONDS)
                    continue
                threading.Thread(target=self.serve, args=(port, outer), daemon=True).start()

    def serve(self, port: int, outer: socket.socket) -> None:
        with outer:
            try:
                inner = self.connect(port)
            except (OSError, KeyError) as error:
                print(f"port {port}: {error!r}", flush=True)
                return
            with inner:
                back = threading.Thread(target=pump, args=(inner, outer), daemon=True)
                back.start()
                pump(outer, inner)
                back.join()

    def connect(self, port: int) -> socket.socket:
        """A thread has a network namespace of its own, and a socket stays in the one in which it was made."""
        check(libc.setns(self.inside, CLONE_NEWNET), "setns")
        inner = socket.create_connection(self.targets[port], CONNECT_LIMIT_SECONDS)
        inner.settimeout(None)
        return inner


def listener(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=BACKLOG)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Moves bytes until the end, then tells the other side that no more comes."""
    for_read, for_write = os.pipe()
    try:
        fcntl.fcntl(for_write, F_SETPIPE_SZ, PIPE_BYTES)
        while count := splice(source.fileno(), for_write):
            splice_exactly(for_read, target.fileno(), count)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side broke off: the other one must not wait for it.
        for connection in (source, target):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    finally:
        os.close(for_read)
        os.close(for_write)


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection takes six files
    threading.stack_size(STACK_BYTES)
    # The threads do not take the signal either, so that it waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    forwarder = Forwarder(*sys.argv[1:])
    while True:
        try:
            forwarder.reload()
        except (OSError, ValueError) as error:
            print(f"{forwarder.forwards}: {error}", flush=True)
        signal.sigwait({signal.SIGHUP})


main()
