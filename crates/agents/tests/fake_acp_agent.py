"""An agent that speaks ACP as its prompt or first argument tells it to, badly if need be."""

import json
import os
import sys
import time

mode = sys.argv[1]
current = "s1"
replies = iter(sys.stdin.readline, "")


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(session=None, **fields):
    send({"method": "session/update", "params": {"sessionId": session or current, "update": fields}})


def say(text, session=None):
    update(session, sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})


def receive():
    line = next(replies, None)
    if line is None:
        sys.exit(0)
    return json.loads(line)


def ask(id, method, params):
    """Asks the client, and gives its answer; whatever else comes is dropped."""
    send({"id": id, "method": method, "params": params})
    while True:
        message = receive()
        if message.get("id") == id and "method" not in message:
            return message


OPTIONS = [
    {"optionId": "no", "name": "No", "kind": "reject_once"},
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
]


def permission(id, options=OPTIONS):
    call = {"toolCallId": "c1", "title": "Write a.txt"}
    return ask(id, "session/request_permission", {"sessionId": "s1", "toolCall": call, "options": options})


def prompt(text):
    if mode == "good":
        update(sessionUpdate="agent_thought_chunk", content={"type": "text", "text": "hm"})
        update(sessionUpdate="plan", entries=[{"content": "do it", "priority": "high", "status": "in_progress"}])
        update(sessionUpdate="from_the_future", anything=[1])
        send({"method": "_auth/status_update", "params": {}})
        say("someone else", session="another")
        unknown = ask("x-1", "fs/read_text_file", {"sessionId": "s1", "path": "/etc/passwd"})
        say(str(unknown["error"]["code"]) + " ")
        say(json.dumps(permission(7)["result"]["outcome"], sort_keys=True) + " ")
        update(sessionUpdate="tool_call", toolCallId="c1", title="Write a.txt", kind="edit", status="pending")
        open("a.txt", "w").write("by the agent\n")
        update(sessionUpdate="tool_call_update", toolCallId="c1", status="completed")
        say(text)
        return {"stopReason": "end_turn", "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}}
    if mode == "no-allow":
        say(json.dumps(permission(7, OPTIONS[:1])["result"]["outcome"]))
    if mode == "dies":
        say("half a ")
        sys.stderr.write("Traceback: the reason\n")
        sys.exit(9)
    if mode == "nonsense":
        while True:
            print("I am a banner", flush=True)
    if mode == "banner":
        print("Welcome!\n\n[1, 2]", flush=True)
        send({"id": 999, "result": {}})
    if mode == "long-line":
        sys.stdout.write("x" * (20 * 1024 * 1024))
        sys.stdout.flush()
        time.sleep(1000)
    if mode == "error":
        return None
    if mode in ("waits-for-cancel", "ignores-cancel"):
        send({"id": 8, "method": "session/request_permission", "params": {"toolCall": {"title": "x"}, "options": []}})
        say("waiting")
        while mode == "ignores-cancel":
            time.sleep(1)
        while receive().get("method") != "session/cancel":
            pass
        late = permission(9)["result"]["outcome"]["outcome"]
        open("late.txt", "w").write(late)
        return {"stopReason": "cancelled"}
    if mode == "flood-requests":
        n = 100
        while True:
            n += 1
            send({"id": n, "method": "terminal/create", "params": {"padding": "x" * 5000}})
    if mode == "odd-stop":
        return {"stopReason": "bored"}
    if mode in ("refusal", "max_tokens", "max_turn_requests"):
        return {"stopReason": mode}
    say(text)
    return {"stopReason": "end_turn"}


def main():
    global current
    if mode == "mute":
        sys.stderr.write("thinking about it\n")
        time.sleep(1000)
    known = os.path.exists(os.path.expanduser("~/known"))
    while True:
        message = receive()
        method, id = message.get("method"), message.get("id")
        if method == "initialize":
            capabilities = {"loadSession": mode == "loads", "sessionCapabilities": {}}
            if mode == "resumes":
                capabilities["sessionCapabilities"]["resume"] = {}
            version = 2 if mode == "version-2" else message["params"]["protocolVersion"]
            info = {"name": "fake", "version": "1.2.3"}
            send({"id": id, "result": {"protocolVersion": version, "agentInfo": info, "agentCapabilities": capabilities}})
        elif method == "session/new":
            if mode == "no-session":
                data = {"message": "log in first"}
                send({"id": id, "error": {"code": -32000, "message": "Authentication required", "data": data}})
            else:
                send({"id": id, "result": {"sessionId": "s1"}})
        elif method in ("session/load", "session/resume"):
            if not known:
                send({"id": id, "error": {"code": -32002, "message": "no such session"}})
                continue
            current = message["params"]["sessionId"]
            say("the past")
            send({"id": id, "result": {}})
        elif method == "session/prompt":
            result = prompt(message["params"]["prompt"][0]["text"])
            if result is None:
                send({"id": id, "error": {"code": -32603, "message": "Internal error", "data": "model is down"}})
            else:
                send({"id": id, "result": result})


main()
