# tcp.py: whether the page of the fixture can be reached at $1 directly.
import os
import socket
import sys

with socket.create_connection((sys.argv[2], int(os.environ["PORT"])), 5) as s:
    assert b"CANARY" in s.recv(100)
