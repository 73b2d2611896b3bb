#!/usr/bin/env python3
"""Checks exported audit logs with nothing but Python: a second opinion beside `freehold audit verify`.

    scripts/verify_audit.py FILE… [--key KEY]

The format is described in crates/wire/src/audit.rs and audit/kept.rs; signatures are Ed25519 (RFC 8032) over DSSE's pre-authentication encoding.
Several files are parts of one log, in order. Exits 1 with the line where it stops to hold.
"""

import base64
import hashlib
import json
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
WORDS = ("actor", "action", "resource", "purpose", "outcome", "correlation", "address")
FIRST, FORMAT = "freehold-audit/1", "freehold-audit/2"
READING = ("content.open",)


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    g, h = 2 * t1 * t2 * D, 2 * z1 * z2
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def point(data):
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != xx or (x == 0 and sign):
        raise ValueError("no point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def signed(key, message, signature):
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    left, right = times(s, base), add(point(r), times(k, point(key)))
    same = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    return len(signature) == 64 and s < L and same


def hash_of(*words):
    return hashlib.sha256(b"".join(b"%d:%s," % (len(word.encode()), word.encode()) for word in words)).hexdigest()


def entry(line, tenant, place):
    """The hash that this line must have behind that place; none where it is not as it may be."""
    words, link = [line.get(word) for word in WORDS], (place["hash"], tenant, str(line["n"]), line["at"])
    if "actor" in line and not line.keys() & {"class", "salt"}:
        return hash_of(FIRST, *link, *words)
    if "actor" in line and line["class"] == ("reading" if line["action"] in READING else "security"):
        return hash_of(FORMAT, *link, line["class"], hash_of(FORMAT, line["salt"], *words))
    if "actor" not in line and line["class"] == "reading":  # its words were let go
        return hash_of(FORMAT, *link, line["class"], line["digest"])
    return None


def said(envelope, name, head):
    """What an envelope says; none where the key of the head did not sign it, or it is another's or of another kind."""
    kind, payload = envelope["payloadType"].encode(), decode(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    says = json.loads(payload)
    is_ours = kind == b"application/vnd.freehold.audit-%s.v1+json" % name and says["tenant"] == head["tenant"]
    return says if is_ours and any(signed(decode(head["key"]), message, decode(s["sig"])) for s in envelope["signatures"]) else None


def main(files, pinned):
    head = place = None
    covered = entries = gone = 0
    begins = ""
    for name in files:
        for number, text in enumerate(open(name, encoding="utf-8"), 1):
            line, where = json.loads(text), f"{name}, line {number}: "
            if number == 1:
                after = line["after"]
                if line["format"] not in (FIRST, FORMAT) or (pinned and pinned != line["key"]):
                    sys.exit(where + "another format, or another key")
                if place and (place != after or (head["tenant"], head["key"]) != (line["tenant"], line["key"])):
                    sys.exit(where + "does not go on from the file before")
                if after["n"] == 0 and after["hash"] != "0" * 64:
                    sys.exit(where + "something stands before the first entry")
                if not place and after["n"]:
                    begins = f"; begins at entry {after['n'] + 1}, and nothing here says what was before"
                head, place = line, after
            elif "n" in line:
                if line["n"] != place["n"] + 1 or line["hash"] != entry(line, head["tenant"], place):
                    sys.exit(where + f"entry {line['n']} is not what was written behind entry {place['n']}")
                gone += "actor" not in line
                place, entries = {"n": line["n"], "hash": line["hash"]}, entries + 1
            else:
                kind = "cut" if "cut" in line and number == 2 else "checkpoint"
                says = said(line[kind], kind.encode(), head) if kind in line else None
                if not says or (says["n"], says["hash"]) != (place["n"], place["hash"]):
                    sys.exit(where + f"the {kind} was not signed by the key, or is of another chain")
                if kind == "checkpoint":
                    covered = place["n"]
                elif not entries:
                    begins = f"; begins at entry {place['n'] + 1}, what was before was let go on {says['at']}"
    words = f" ({gone} without their words)" if gone else ""
    print(f"it holds: {entries} entries{words}, signed up to number {covered} by key {head['key']}{begins}")


if __name__ == "__main__":
    words = sys.argv[1:]
    key = words.pop(words.index("--key") + 1) if "--key" in words else None
    main([word for word in words if word != "--key"] or sys.exit(__doc__), key)
