"""Our tools over the Model Context Protocol, as a program inside finds them; outside, where nobody stands in the way, the same by hand.

    mcp.py tool|terminal COMMAND…     the shell tool, without and with a terminal; prints what it told
"""

import json
import os
import pathlib
import subprocess
import sys


def ask(kind, name, given):
    """One call of a tool of the server `kind`: (whether it failed, its words)."""
    server = json.loads(pathlib.Path(os.environ["FREEHOLD_MCP_SERVERS"]).read_text())["mcpServers"][kind]
    served = subprocess.Popen([server["command"], *server["args"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given}}
    served.stdin.write(json.dumps(request) + "\n")
    served.stdin.flush()
    result = json.loads(served.stdout.readline())["result"]
    served.stdin.close()
    served.wait()
    return result["isError"], result["content"][0]["text"]


def by_hand(name, given):
    """What the file tools do, by a program that nobody restrains."""
    path = pathlib.Path(given.get("path") or given.get("from") or ".")
    if name == "read_file":
        return path.read_text()
    if name == "write_file":
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_text(given["content"])
    if name == "edit_file":
        return path.write_text(path.read_text().replace(given["old"], given["new"]))
    if name == "list_files":
        return "\n".join(entry.name for entry in path.iterdir())
    if name == "search_files":
        files = [path] if path.is_file() else [entry for entry in path.iterdir() if entry.is_file()]
        return "\n".join(str(file) for file in files if given["text"] in file.read_text())
    if name == "move_file":
        return path.rename(given["to"])
    return path.unlink()


def tool(name, **given):
    """A call of a file tool; PermissionError when it is refused for where the path leads. Another error is none of these."""
    if os.environ["PLACE"] == "outside":
        return by_hand(name, given)
    failed, told = ask("files", name, given)
    if failed and "outside the workspace" in told:
        raise PermissionError(1, told)
    if failed:
        raise RuntimeError(told)
    return told


if __name__ == "__main__":
    how, command = sys.argv[1], " ".join(sys.argv[2:])
    given = {"command": command, "terminal": how == "terminal", "timeout_seconds": 900}
    print(ask("terminal", "shell", given)[1].replace("\r", ""))
