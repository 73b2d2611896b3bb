/** Scripts of `command` agents that make something hard to show. */

/** As many events as a long and talkative turn has. */
export const FLOOD_EVENTS = 100_000;

/** 100 MB of output: 53 bytes a line. */
export const FLOOD_BYTES =
  "echo hi > greeting; seq -f '%09.0f and so it goes on, line for line for line..' 1 1950000";
export const FLOOD_LAST_LINE = "001950000 and so it goes on";

/** Numbered lines, one after the other. */
export const count = (from: number, to: number) =>
  `i=${from}; while [ $i -le ${to} ]; do echo "line $i."; sleep 0.01; i=$((i+1)); done`;

/** What the agent was told in a reply, as a file of the work. */
export const KEEPS_REPLY = `
python3 -c '
import json, os
card = json.load(open(os.environ["FREEHOLD_CARD"]))
open("reply.json", "w").write(json.dumps(card["reply"]))
open("greeting", "a").write("hello\\n")
'`;

/** 5,000 files, a line of 2 MB, bytes that are no text, a rename with and without a change, a deletion, a mode. */
export const HUGE_DIFF = `
python3 - <<'PY'
import os
for n in range(5000):
    os.makedirs(f"many/{n // 100:02d}", exist_ok=True)
    with open(f"many/{n // 100:02d}/file-{n:04d}.txt", "w") as f:
        f.write(f"file {n}\\nof many\\n")
PY
`;

export const ODD_DIFF = `
python3 - <<'PY'
import os
open("one-line.json", "w").write('{"x": "' + "y" * 2_000_000 + '"}\\n')
open("blob.bin", "wb").write(bytes(range(256)) * 64)
os.rename("old-name.txt", "new-name.txt")
os.rename("moved.txt", "edited-and-moved.txt")
lines = open("edited-and-moved.txt").read().splitlines()
lines[3] = "this line is another one"
open("edited-and-moved.txt", "w").write("\\n".join(lines) + "\\n")
os.remove("gone.txt")
os.chmod("tool.sh", 0o755)
open("latin-1.txt", "wb").write("Gr\\u00fc\\u00dfe\\n".encode("latin-1"))
open("trojan.js", "w").write("if (admin) { // \\u202e } \\u2066 check\\n<script>alert(1)</script>\\n")
os.makedirs(".github/workflows", exist_ok=True)
open(".github/workflows/ci.yml", "w").write("on: push\\n")
PY
`;
export const ODD_FILES = {
  "old-name.txt": "the same\n".repeat(30),
  "moved.txt": Array.from({ length: 40 }, (_, n) => `line ${n}\n`).join(""),
  "gone.txt": "not needed any more\n",
  "tool.sh": "#!/bin/sh\n",
};
