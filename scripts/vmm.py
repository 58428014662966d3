"""A smartvm-qemu for the benches: its process, one connection to its API, and what runs in its guest."""
import json
import os
import shutil
import socket
import struct
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def output(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.strip()


def products(**paths):
    """Paths of release products; those that are not given are built."""
    for product, path in paths.items():
        if path is None:
            name = product.replace("_", "-")
            subprocess.run(["swift", "build", "-c", "release", "--product", name], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            paths[product] = f"{output('swift', 'build', '-c', 'release', '--show-bin-path')}/{name}"
    return list(paths.values())


def minimal_image(smartvm):
    subprocess.run([smartvm, "image", "build", "minimal"], check=True, stdout=subprocess.DEVNULL)
    return next(image for image in json.loads(output(smartvm, "image", "ls", "--format", "json")) if image["bundleId"] == "minimal")


def static_program(source, path):
    """Compiles a program for the guest, whole blocks long, so that it can be a drive."""
    subprocess.run([shutil.which("cc") or "clang", "-static", "-O2", "-s", "-o", path, f"{ROOT}/{source}"], check=True)
    with open(path, "ab") as file:
        file.truncate((file.tell() + 4095) & ~4095)


class VM:
    """A smartvm-qemu and one connection to its API."""

    def __init__(self, binary, directory, name, stdout=subprocess.DEVNULL):
        self.socket_path, self.vsock_path = f"{directory}/{name}.api", f"{directory}/{name}.vsock"
        self.start = time.monotonic()
        self.process = subprocess.Popen([binary, "--api-sock", self.socket_path], stdin=subprocess.DEVNULL,
                                        stdout=stdout, stderr=subprocess.DEVNULL)
        while True:
            self.connection = socket.socket(socket.AF_UNIX)
            try:
                self.connection.connect(self.socket_path)
                return
            except OSError:
                self.connection.close()
                assert self.process.poll() is None, f"{binary} has ended"
                time.sleep(0.0005)

    @staticmethod
    def encode(method, path, body=None):
        content = b"" if body is None else json.dumps(body).encode()
        return f"{method} {path} HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content

    def send(self, method, path, body):
        """Milliseconds until the answer, which must be good."""
        request = self.encode(method, path, body)
        start = time.monotonic()
        self.connection.sendall(request)
        answer = self.connection.recv(65536).decode()
        assert answer.startswith("HTTP/1.1 204"), answer
        return (time.monotonic() - start) * 1e3

    def boot(self, image, memory=128, drives=()):
        self.send("PUT", "/machine-config", {"vcpu_count": 1, "mem_size_mib": memory})
        self.send("PUT", "/boot-source", {"kernel_image_path": image["kernelImagePath"], "initrd_path": image["initrdPath"],
                                          "boot_args": image["bootArgs"]})
        self.send("PUT", "/drives/rootfs", {"drive_id": "rootfs", "path_on_host": image["rootfsPath"],
                                            "is_root_device": True, "is_read_only": True})
        for number, path in enumerate(drives):
            self.send("PUT", f"/drives/extra{number}", {"drive_id": f"extra{number}", "path_on_host": path,
                                                        "is_root_device": False, "is_read_only": True})
        self.send("PUT", "/vsock", {"guest_cid": 3, "uds_path": self.vsock_path})
        self.send("PUT", "/actions", {"action_type": "InstanceStart"})

    def create(self, directory, kind="Full"):
        return self.send("PUT", "/snapshot/create", {"snapshot_path": f"{directory}/state", "mem_file_path": f"{directory}/memory",
                                                     "snapshot_type": kind})

    def load(self, directory):
        self.send("PUT", "/snapshot/load", {
            "snapshot_path": f"{directory}/state", "mem_backend": {"backend_type": "File", "backend_path": f"{directory}/memory"},
            "vsock_override": {"uds_path": self.vsock_path}, "resume_vm": True})
        return (time.monotonic() - self.start) * 1e3

    def connect(self, port):
        """A connection to a port of the guest, once something listens there."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.vsock_path)
            connection.sendall(f"CONNECT {port}\n".encode())
            line = b""
            while not line.endswith(b"\n"):
                byte = connection.recv(1)
                if not byte:
                    break
                line += byte
            if line.startswith(b"OK"):
                return connection
            connection.close()
            time.sleep(0.05)
        raise SystemExit(f"port {port} of the guest cannot be reached")

    def command(self, *words):
        """Starts a command in the guest, waiting for its agent if need be: the connection, which says more when it has ended."""
        # The arguments; no environment, no directory, no user, no terminal, no input.
        request = struct.pack("<I", len(words))
        for word in words:
            request += struct.pack("<I", len(word)) + word.encode()
        request += bytes(8)
        agent = self.connect(1024)
        agent.sendall(struct.pack("<IB", len(request), 0x20) + request)
        return agent

    def run(self, *words):
        """Runs a command in the guest to its end."""
        with self.command(*words) as agent:
            while agent.recv(65536):
                pass

    def qemu(self):
        pid = self.process.pid
        return int(open(f"/proc/{pid}/task/{pid}/children").read().split()[0])

    def pss_mib(self):
        return sum(int(line.split()[1]) for pid in (self.process.pid, self.qemu())
                   for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:")) / 1024

    def cpu_seconds(self):
        """CPU time of smartvm-qemu's threads, without QEMU's, to the nanosecond."""
        tasks = f"/proc/{self.process.pid}/task"
        return sum(int(open(f"{tasks}/{task}/schedstat").read().split()[0]) for task in os.listdir(tasks)) / 1e9

    def prefer(self):
        for pid in (self.process.pid, self.qemu()):
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setscheduler(int(thread), os.SCHED_FIFO, os.sched_param(5))

    def end(self):
        self.connection.close()
        self.process.kill()
        self.process.wait()
