"""Which lines are not tried in a virtual machine, where one boot serves them all, and by a runtime that lacks what they ask."""

# What a line would need that is not there, and whose lines they are.
NOT_THERE = {
    "takes minutes where a machine is emulated": (
        "c", "rust", "cargo-offline", "make", "git-commit", "git-rebase", "git-clone", "venv-tests", "node-test", "node-workers",
        "many-files", "large-file", "processes", "huge-arguments", "find-by-search",
    ),
    "the folders that are shared with a machine (9p) hold no sockets and no pipes; its /tmp does": ("unix-socket", "fifo"),
}
# Debian 12's gVisor; a newer one may have it.
RUNTIMES = {
    "runsc": {
        "its terminals turn no Ctrl-C into a signal": ("pty-ctrl-c",),
        "it has no statx with AT_NO_AUTOMOUNT, which stat(1) of coreutils 9 asks for": ("links", "modes"),
        "it has not all of these calls": ("event-descriptors",),
        "it is asked of a kernel that is not this machine's, and grants it there": ("low-priority-number", "fuse", "tun"),
        "its first process can be ended from inside, and all ends with it": ("first-process",),
    },
}
ONE_WAY = "one boot has one way out, and this line wants another; the proxy is outside of the machine, and the same for all tiers"


def why_not(line):
    """Why a line is not tried in a machine, or nothing."""
    if line.egress != "none":
        return ONE_WAY
    return next((why for why, ids in NOT_THERE.items() if line.id in ids), "")


def lacking(runtime):
    """As `why_not`, by a runtime."""
    known = RUNTIMES.get(runtime, {})
    return lambda line: next((why for why, ids in known.items() if line.id in ids), "")


def apart(lines, why_not=why_not):
    """(lines to try, {why: ids of the others})."""
    left = {}
    for line in lines:
        if why := why_not(line):
            left.setdefault(why, []).append(line.id)
    return [line for line in lines if not why_not(line)], left
