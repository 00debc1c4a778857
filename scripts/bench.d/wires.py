"""The kernel's wires for libzmq: loopback, and a veth pair between two namespaces."""
import os
import subprocess

import processes

PORTS = 25555, 25556


class Loopback:
    """In a namespace of its own, so that no port is taken and nothing else is on it."""

    name = "loopback"

    def __enter__(self):
        self.proxy_netns = self.load_netns = f"zlbench{os.getpid()}l"
        self.made = []
        try:
            add_netns(self, self.proxy_netns)
        except BaseException:
            self.__exit__()
            raise
        self.address = "127.0.0.1"
        return self

    def __exit__(self, *_):
        for name in self.made:
            remove_netns(name)
        self.made = []


class Veth(Loopback):
    name = "veth"

    def __enter__(self):
        pid = os.getpid()
        self.proxy_netns, self.load_netns = f"zlbench{pid}p", f"zlbench{pid}b"
        self.address = "10.9.1.1"
        self.made = []
        try:
            self.join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def join(self):
        for netns in (self.proxy_netns, self.load_netns):
            add_netns(self, netns)
        processes.command("ip", "-n", self.proxy_netns, "link", "add", "wire", "type", "veth",
                          "peer", "name", "wire", "netns", self.load_netns)
        for netns, address in ((self.proxy_netns, "10.9.1.1/24"), (self.load_netns, "10.9.1.2/24")):
            processes.command("ip", "-n", netns, "addr", "add", address, "dev", "wire")
            processes.command("ip", "-n", netns, "link", "set", "wire", "up")


def add_netns(wire, name):
    processes.command("ip", "netns", "add", name)
    wire.made.append(name)
    processes.command("ip", "-n", name, "link", "set", "lo", "up")


def remove_netns(name):
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def endpoint(wire, which):
    return f"tcp://{wire.address}:{PORTS[which]}"
