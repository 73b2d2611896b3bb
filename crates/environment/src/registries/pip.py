# Prints as JSON what pip of this host is configured for, and where its indexes keep their files.
# Run by the host's Python with a bare environment; it changes nothing.
import json
import os
import sys


def find_pip():
    try:
        import pip  # noqa: F401
        return
    except ImportError:
        pass
    # A Python without pip can still make virtual environments with the pip that it bundles.
    import ensurepip
    folders = [getattr(ensurepip, "_WHEEL_PKG_DIR", None), os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
    for folder in filter(None, folders):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.startswith("pip-") and name.endswith(".whl"):
                sys.path.insert(0, os.path.join(folder, name))
                return


def settings():
    from pip._internal.configuration import Configuration
    configuration = Configuration(isolated=False)
    configuration.load()
    found = dict(configuration.items())
    chosen = {}
    for key in ("index-url", "extra-index-url", "find-links", "cert", "client-cert", "trusted-host", "no-index"):
        for section in (":env:", "install", "global"):
            if section + "." + key in found:
                chosen[key] = found[section + "." + key]
                break
    return chosen


def files(index, cert):
    from html.parser import HTMLParser
    from urllib.parse import urljoin
    from pip._vendor import requests

    links = []

    class Page(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag == "a":
                links.extend(value for name, value in attrs if name == "href" and value)

    # Its own name is on every full index.
    answer = requests.get(index.rstrip("/") + "/pip/", verify=cert or True, timeout=4, headers={"Accept": "text/html"})
    answer.raise_for_status()
    Page().feed(answer.text)
    whole = [answer.url] + [urljoin(answer.url, link) for link in links]
    seen = {}
    for url in whole:
        seen.setdefault("/".join(url.split("/")[:3]), url.split("#")[0])
    return list(seen.values())[:16]


find_pip()
from pip._internal.models.index import PyPI  # noqa: E402

chosen = settings()
report = {"settings": chosen, "default": PyPI.simple_url, "files": {}}
indexes = [chosen.get("index-url") or PyPI.simple_url] + (chosen.get("extra-index-url") or "").split()
if str(chosen.get("no-index", "")).lower() not in ("1", "true", "yes", "on"):
    for index in indexes:
        try:
            report["files"][index] = files(index, chosen.get("cert"))
        except Exception:
            report["files"][index] = None
print(json.dumps(report))
