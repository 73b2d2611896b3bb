"""How many tests passed and failed, as the test runners themselves say; None where they cannot be read."""

import re

COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def plain(text):
    return COLOURS.sub("", text)


def total(pairs):
    pairs = [(int(passed), int(failed)) for passed, failed in pairs]
    return (sum(p for p, _ in pairs), sum(f for _, f in pairs)) if pairs else None


def cargo(text):
    return total(re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", plain(text), re.M))


def pytest(text):
    last = [line for line in plain(text).splitlines() if re.search(r"\bin [\d.]+s", line)]
    if not last:
        return None
    count = lambda word: sum(int(n) for n in re.findall(rf"(\d+) {word}", last[-1]))
    return count("passed"), count("failed") + count("error")


def npm(text):
    """TAP and node's own runner, mocha, jest and vitest, ava and others that say `N passed`."""
    text = plain(text)
    for passed, failed in (
        (r"^(?:#|ℹ) pass\s+(\d+)", r"^(?:#|ℹ) fail\s+(\d+)"),
        (r"^\s*(\d+) passing\b", r"^\s*(\d+) failing\b"),
        (r"^\s*Tests:?\s.*?(\d+) passed", r"^\s*Tests:?\s.*?(\d+) failed"),
        (r"^\s*(\d+) (?:tests? )?passed", r"^\s*(\d+) (?:tests? )?failed"),
    ):
        good, bad = re.findall(passed, text, re.M), re.findall(failed, text, re.M)
        if good:
            return sum(map(int, good)), sum(map(int, bad))
    return None
