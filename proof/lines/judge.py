"""What an answer means. A line that must fail passes only when it was refused, and only when it worked outside."""

import dataclasses

KILLED_BY_THE_FILTER = 159  # 128 + SIGSYS
NOT_FOUND = (126, 127)
BROKEN = 98
LATE = (124, 137)
# grep and ls say 2 for a file that is not there; a mistake in the script would have shown in the control.
REFUSED = (1, 2, KILLED_BY_THE_FILTER)


@dataclasses.dataclass
class Verdict:
    ok: bool
    why: str = ""


def judge(line, code, said):
    """Whether the line did inside what it must."""
    if code is None:
        return Verdict(False, f"no answer: {said[-200:].strip()}")
    if code in NOT_FOUND and code not in line.refused:
        return Verdict(False, f"a program is missing: {said}")
    if code in LATE:
        return Verdict(False, "too late")
    if line.must == "work":
        return Verdict(code == 0, "" if code == 0 else f"exit {code}: {said}")
    if code == 0:
        return Verdict(False, f"IT WORKED: {said}")
    refused = code in (*REFUSED, *line.refused)
    return Verdict(refused, "" if refused else f"broken, exit {code}: {said}")


def control(line, code, said):
    """Whether the same line worked outside."""
    return Verdict(code == 0, "" if code == 0 else f"no control: outside exit {code}: {said}")
