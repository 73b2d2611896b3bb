"""Which lines are tried in a virtual machine. One boot serves them all, and without KVM each takes ten times as long."""

# What a line would need that is not there, and whose lines they are.
NOT_THERE = {
    "takes minutes where a machine is emulated": (
        "c", "rust", "cargo-offline", "make", "git-commit", "git-rebase", "git-clone", "venv-tests", "node-test", "node-workers",
        "many-files", "large-file", "processes", "huge-arguments", "find-by-search",
    ),
    "the folders that are shared with a machine (9p) hold no sockets and no pipes; its /tmp does": ("unix-socket", "fifo"),
}
ONE_WAY = "one boot has one way out, and this line wants another; the proxy is outside of the machine, and the same for all tiers"


def why_not(line):
    """Why a line is not tried in a machine, or nothing."""
    if line.egress != "none":
        return ONE_WAY
    return next((why for why, ids in NOT_THERE.items() if line.id in ids), "")


def apart(lines):
    """(lines to try, {why: ids of the others})."""
    left = {}
    for line in lines:
        if why := why_not(line):
            left.setdefault(why, []).append(line.id)
    return [line for line in lines if not why_not(line)], left
