"""One candidate: chosen by what it does outside, then judged by whether it does the same inside."""

import re
import shutil

from .kinds import Excluded
from .sides import Inside, Limit, Outside

# For setup, and again for tests: the rule takes small projects, and the same ones on a busy machine.
OUTSIDE_WITHIN = Limit(clock=240, processor=120)
INSIDE_WITHIN = Limit(clock=720)  # thrice that, so that a busy machine is no difference

# What a difference is put down to, from the output inside; the first that fits.
CAUSES = (
    ("egress: an address was refused", r" was refused: "),
    ("network: nothing but loopback and the proxy", r"Network is unreachable|ENETUNREACH|Temporary failure in name resolution|EAI_AGAIN|getaddrinfo"),
    ("a system call is refused", r"Operation not permitted|EPERM|PermissionDenied|os error 1\b|Bad system call|SIGSYS"),
    ("a folder is read-only or not shown", r"Read-only file system|EROFS|Permission denied|EACCES|os error 13\b"),
    ("a program or file of the host is not there", r"command not found|ENOENT|No such file or directory|cannot find"),
    ("a device or file of /proc, /sys is masked", r"/proc/|/sys/|/dev/"),
)


def cause(text):
    return next((name for name, pattern in CAUSES if re.search(pattern, text)), "not known")


def sides_of(place, program):
    return Outside(place / "outside-home"), Inside(place / "inside-home", program)


def try_side(kind, side, folder, limit):
    """(how setup ended, how tests ended or None)."""
    setup = side.sh(kind.setup, folder, limit)
    return setup, side.sh(kind.test, folder, limit) if setup.ok() else None


def verdict(kind, setup, test):
    """What is compared: where it ended, the exit code, and the counts where they can be read."""
    if test is None:
        return ("setup", setup.code if not setup.timed_out else "timed out", None)
    return ("test", test.code if not test.timed_out else "timed out", kind.counts(test.text))


def chosen(kind, one, place, side):
    """Fetches a candidate and tests it outside.

    Raises Excluded for one that the rule leaves out: no tests of its own, or tests that do not pass outside in time.
    """
    source = place / "source"
    kind.fetch(one, side.env(), source)
    folder = place / "outside"
    shutil.copytree(source, folder, symlinks=True)
    setup, test = try_side(kind, side, folder, OUTSIDE_WITHIN)
    if not setup.ok():
        raise Excluded("takes long to set up" if setup.timed_out else "cannot be set up outside", setup.tail())
    if not test.ok():
        raise Excluded("its tests take long" if test.timed_out else "its tests fail outside", test.tail())
    counts = kind.counts(test.text)
    if counts is not None and counts[0] == 0:
        raise Excluded("runs no tests")
    for lock in ("Cargo.lock", "package-lock.json"):  # the same dependencies on both sides
        if (folder / lock).is_file() and not (source / lock).is_file():
            shutil.copy(folder / lock, source / lock)
    return setup, test


def compare(kind, one, place, program):
    """The whole record of a candidate."""
    outside, inside = sides_of(place, program)
    record = {"kind": kind.name, "name": one.name, "version": one.version}
    try:
        setup, test = chosen(kind, one, place, outside)
    except Excluded as why:
        return {**record, "result": "excluded", "why": why.args[0], "said": "".join(why.args[1:])}
    wanted = verdict(kind, setup, test)
    record |= {"outside": wanted, "outside_seconds": round(setup.seconds + test.seconds, 1)}
    folder = place / "inside"
    shutil.copytree(place / "source", folder, symlinks=True)
    setup, test = try_side(kind, inside, folder, INSIDE_WITHIN)
    got = verdict(kind, setup, test)
    record |= {"inside": got, "inside_seconds": round(setup.seconds + (test.seconds if test else 0), 1)}
    if got == wanted:
        return {**record, "result": "same"}
    # Tests that give another result by themselves are told apart from tests that the sandbox disturbs.
    again = outside.sh(kind.test, place / "outside", INSIDE_WITHIN)
    if verdict(kind, again, again) != wanted:
        return {**record, "result": "excluded", "why": "its tests are not the same twice outside"}
    if setup.ok():
        test = inside.sh(kind.test, folder, INSIDE_WITHIN)
        if verdict(kind, test, test) == wanted:
            return {**record, "result": "same", "note": "the second time"}
    text = (test or setup).text
    return {**record, "result": "different", "cause": cause(text), "said": (test or setup).tail()}
