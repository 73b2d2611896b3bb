"""What stands outside for lines to reach for: keys, another run, servers, a process. All of it is gone when it closes."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
CANARY = "CANARY-7f3a"


def host_address():
    """This machine's own address, as its routes say; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.2"


def registry_host():
    """Some host that the preset for registries allows: npm's."""
    asked = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, timeout=60, check=False)
    return asked.stdout.strip().split("//")[-1].split("/")[0].split(":")[0] or "registry.example.org"


class Fixture(contextlib.AbstractContextManager):
    """Folders, servers and a process that lines know by the variables of `env`."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="freehold-lines-", dir="/var/tmp"))  # peers show /tmp
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)  # the control of one line is another user's
        self.files()
        self.port = self.serve_everywhere()
        self.abstract = f"freehold-lines-{os.getpid()}"
        for name in (f"\0{self.abstract}", str(self.folder / "docker.sock"), str(self.folder / "agent.sock")):
            self.serve(socket.AF_UNIX, name, speak)
        self.naive = self.serve(socket.AF_INET, ("127.0.0.1", 0), naive_proxy).getsockname()[1]
        self.victim = self.stack.enter_context(victim(self.folder))
        self.env = {
            "FIX": str(self.folder), "CANARY_FILE": CANARY, "OWNER_HOME": str(pathlib.Path.home()),
            "HOST_IP": host_address(), "HOST_NAME": socket.gethostname(), "PORT": str(self.port), "ABSTRACT": self.abstract,
            "X11": self.abstract, "VICTIM": str(self.victim.pid), "REGISTRY": registry_host(), "BLOB": self.blob,
        }
        # The proxy that has no policy; for controls alone.
        self.outside = {"PLACE": "outside", "http_proxy": f"http://127.0.0.1:{self.naive}"}

    def __exit__(self, *_):
        self.stack.close()

    def files(self):
        home, other = self.folder / "home", self.folder / "runs/other"
        for name in (".ssh/id_ed25519", ".aws/credentials", ".npmrc", CANARY):
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{CANARY}\n")
        (other / "work").mkdir(parents=True)
        (other / "work/secret").write_text(f"{CANARY}\n")
        git = ["git", "-C", str(other), "--git-dir=store"]
        subprocess.run([*git[:3], "init", "-q", "--bare", "store"], check=True)
        hashed = subprocess.run([*git, "hash-object", "-w", "--stdin"], input=CANARY, text=True, capture_output=True, check=True)
        self.blob = hashed.stdout.strip()
        (self.folder / "writable").mkdir()
        (self.folder / "bin").mkdir()
        shutil.copy(shutil.which("true"), self.folder / "bin/tool")

    def serve_everywhere(self):
        """A page for TCP on all addresses, and an answer for UDP, on one port."""
        page = self.serve(socket.AF_INET, ("0.0.0.0", 0), speak)
        port = page.getsockname()[1]
        self.serve(socket.AF_INET6, ("::1", port), speak)
        answers = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        answers.bind(("0.0.0.0", port))
        threading.Thread(target=answer, args=(answers,), daemon=True).start()
        return port

    def serve(self, family, address, handle):
        listener = socket.socket(family)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(64)
        self.stack.callback(listener.close)
        threading.Thread(target=accept, args=(listener, handle), daemon=True).start()
        return listener


def accept(listener, handle):
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()


def speak(stream):
    """Whoever connects is told the secret."""
    with stream, contextlib.suppress(OSError):
        stream.sendall(f"{CANARY}\r\n".encode())


def answer(sock):
    with contextlib.suppress(OSError):
        while True:
            sock.sendto(b"CANARY", sock.recvfrom(100)[1])


def naive_proxy(stream):
    """Falls for everything: whatever is asked of it, it leads to the secret. CONNECT, plain HTTP, SOCKS 4 and 5."""
    with stream, contextlib.suppress(OSError):
        stream.settimeout(10)
        first = stream.recv(65536)
        if first[:1] == b"\5":
            stream.sendall(b"\5\0")
            stream.recv(65536)
            stream.sendall(b"\5\0\0\1\0\0\0\0\0\0")
        elif first[:1] == b"\4":
            stream.sendall(b"\0\x5a\0\0\0\0\0\0")
        else:
            stream.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        stream.sendall(CANARY.encode())


@contextlib.contextmanager
def victim(folder):
    """A process with a secret in its arguments, its environment and its folder, that does nothing."""
    line = "import time; time.sleep(3600)"
    process = subprocess.Popen([sys.executable, "-c", line, "CANARY-argument"], env={"SECRET": CANARY}, cwd=folder / "home",
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lay_out(workspace, lines, env, longer=1):
    """Puts the lines' scripts into a workspace, with what they know of outside."""
    here = workspace / ".line"
    scripts = here / "lines"  # apart from the tools: a line may be called like a module of Python's
    scripts.mkdir(parents=True)
    for tool in (HERE / "tools").iterdir():
        if tool.is_file():
            shutil.copy(tool, here)
    variables = "".join(f"export {name}='{value}'\n" for name, value in env.items())
    (here / "env").write_text(variables + 'export LINES="$here" WORK="$PWD" SUID="$here/suid-id"\n: "${PLACE:=inside}"\nexport PLACE\n')
    for line in lines:
        kind, text = line.script()
        (scripts / f"{line.id}.{kind}").write_text(text.lstrip("\n"))
        (scripts / f"{line.id}.conf").write_text(f"seconds={line.seconds * longer} kind={kind}\n")
    suid = here / "suid-id"
    shutil.copy(shutil.which("id"), suid)
    os.chmod(suid, 0o4755)
    return here
