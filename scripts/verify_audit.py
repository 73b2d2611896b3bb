#!/usr/bin/env python3
"""Checks exported audit logs with nothing but Python: a second opinion beside `freehold audit verify`.

    scripts/verify_audit.py FILE… [--key KEY]

The format is described in crates/wire/src/audit.rs; signatures are Ed25519 (RFC 8032) over DSSE's pre-authentication encoding.
Several files are parts of one log, in order. Exits 1 with the line where it stops to hold.
"""

import base64
import hashlib
import json
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
WORDS = ("at", "actor", "action", "resource", "purpose", "outcome", "correlation", "address")


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


def main(files, pinned):
    head = place = None
    covered = entries = 0
    for name in files:
        for number, text in enumerate(open(name, encoding="utf-8"), 1):
            line, where = json.loads(text), f"{name}, line {number}: "
            if number == 1:
                after = line["after"]
                if line["format"] != "freehold-audit/1" or (pinned and pinned != line["key"]):
                    sys.exit(where + "another format, or another key")
                if place and (place != after or (head["tenant"], head["key"]) != (line["tenant"], line["key"])):
                    sys.exit(where + "does not go on from the file before")
                head, place = line, after
            elif "n" in line:
                words = ["freehold-audit/1", place["hash"], head["tenant"], str(line["n"]), *(line[word] for word in WORDS)]
                data = b"".join(b"%d:%s," % (len(word.encode()), word.encode()) for word in words)
                if line["n"] != place["n"] + 1 or hashlib.sha256(data).hexdigest() != line["hash"]:
                    sys.exit(where + f"entry {line['n']} is not what was written behind entry {place['n']}")
                place, entries = {"n": line["n"], "hash": line["hash"]}, entries + 1
            else:
                envelope = line["checkpoint"]
                kind, payload = envelope["payloadType"].encode(), decode(envelope["payload"])
                message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
                said = json.loads(payload)
                is_ours = kind == b"application/vnd.freehold.audit-checkpoint.v1+json" and said["tenant"] == head["tenant"]
                if not is_ours or not any(signed(decode(head["key"]), message, decode(s["sig"])) for s in envelope["signatures"]):
                    sys.exit(where + "the checkpoint was not signed by the key")
                if (said["n"], said["hash"]) != (place["n"], place["hash"]):
                    sys.exit(where + "the checkpoint is of another chain")
                covered = place["n"]
    print(f"it holds: {entries} entries, signed up to number {covered} by key {head['key']}")


if __name__ == "__main__":
    words = sys.argv[1:]
    key = words.pop(words.index("--key") + 1) if "--key" in words else None
    main([word for word in words if word != "--key"] or sys.exit(__doc__), key)
