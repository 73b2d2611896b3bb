"""proxy.py FILE: one request to the proxy; exit 0 when the secret behind it was told, or an allowed tunnel was opened."""

import os
import re
import socket
import struct
import sys

head, header = (open(sys.argv[1]).read().split("\n") + [""])[:2]
text = re.sub(r"\$(\w+)", lambda name: os.environ[name[1]], head).encode().replace(b"\\0", b"\0")
header = re.sub(r"\$(\w+)", lambda name: os.environ[name[1]], header)
method, target = text.split(b" ", 1)
host, port = os.environ["http_proxy"].removeprefix("http://").rstrip("/").rsplit(":", 1)
proxy = socket.create_connection((host, int(port)), 10)
proxy.settimeout(15)


def said():
    got = b""
    try:
        while part := proxy.recv(65536):
            got += part
            if b"CANARY" in got:
                break
    except OSError:
        pass
    return got


def name_and_port():
    name, number = target.rsplit(b":", 1)
    return name, struct.pack(">H", int(number))


try:
    if method == b"SOCKS5":
        name, number = name_and_port()
        proxy.sendall(b"\5\1\0")
        proxy.recv(2)
        proxy.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + number)
    elif method == b"SOCKS4":
        name, number = name_and_port()
        proxy.sendall(b"\4\1" + number + socket.inet_aton(name.decode()) + b"\0")
    elif method == b"TWICE":
        one = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        proxy.sendall(one + one)
    elif method == b"CONNECT":
        proxy.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n")
    else:
        own = header or "Host: " + re.sub(rb"^http://([^/]*).*", rb"\1", target).decode()
        proxy.sendall(b"GET " + target + b" HTTP/1.1\r\n" + own.encode() + b"\r\nConnection: close\r\n\r\n")
    answer = said()
except OSError as error:
    print(error)
    sys.exit(1)
print(answer[:200])
opened = method == b"CONNECT" and re.match(rb"HTTP/1\.\d 200", answer)
sys.exit(0 if b"CANARY" in answer or opened else 1)
