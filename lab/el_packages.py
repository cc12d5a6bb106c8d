"""Prove what the roles do with dnf, without EL: python3 -m lab.el_packages.

The install.yml of every role runs, with the facts of an EL host, in a Debian tree that has dnf. Its repositories are made
here: they hold empty packages with the names that the recorded list of that release has (tests/unit/roles/recorded), each in
the repository where it is; those that EL ships disabled are disabled. A package of another name, one from a repository
that no role enables, or an unsigned one from a foreign repository stops the run. Run again, nothing may change.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tools import recap

from . import image
from .command import run
from .config import REPOSITORY, LabError

SUITE = "bookworm"
RECORDED = REPOSITORY / "tests/unit/roles/recorded"
PACKAGES = ("createrepo-c", "dnf", "dnf-plugins-core", "gnupg", "passwd", "python3", "python3-dnf", "rpm", "systemd")
RELEASES = ("el9", "el10")
PLAYBOOK = REPOSITORY / "lab/el_packages.yml"
#: Repositories by the id that they have on the clones of RHEL, and whether those ship them enabled.
SHIPPED = {"baseos": True, "appstream": True, "crb": False, "highavailability": False}
FOREIGN = "elrepo"
#: EL 9 has MariaDB of its own, which is too old, and this stream beside it.
STREAM = """\
document: modulemd
version: 2
data:
  name: mariadb
  stream: "10.11"
  version: 9000000000000000000
  context: rhel9
  arch: x86_64
  summary: MariaDB
  description: MariaDB
  license: {module: [MIT]}
  profiles: {server: {rpms: [mariadb-server]}, client: {rpms: [mariadb]}}
  artifacts: {rpms: [%s]}
"""

Packages = dict[str, dict[str, str]]


def spec(name: str, packages: list[str], version: str, label: str = "") -> str:
    """Return the RPM spec of a source package that has one empty binary package for each name.

    Args:
        name: of the source package; it becomes no package itself.
        packages: names of the binary packages.
        version: their version.
        label: the module that they belong to, as name:stream:version:context; empty for none.
    """
    head = [
        f"Name: {name}", f"Version: {version}", "Release: 1", "Summary: Empty", "License: MIT", "BuildArch: noarch",
        *([f"ModularityLabel: {label}"] if label else []), "%description", "Empty.",
    ]  # fmt: skip
    for package in packages:
        head += [f"%package -n {package}", "Summary: Empty", f"%description -n {package}", "Empty.", f"%files -n {package}"]
    return "\n".join(head) + "\n"


def repo(identity: str, enabled: bool) -> str:
    """Return the file in /etc/yum.repos.d of a repository that lies in the tree."""
    lines = [f"[{identity}]", f"name={identity}", f"baseurl=file:///srv/{identity}", f"enabled={int(enabled)}", "gpgcheck=0"]
    return "\n".join(lines) + "\n"


def by_repository(packages: Packages) -> dict[str, list[str]]:
    """Return the names of recorded packages by the id of their repository.

    Where it was not to be seen which one has a package, it is the one that not every role enables.
    """
    found: dict[str, list[str]] = {identity: [] for identity in (*SHIPPED, FOREIGN)}
    for name, entry in packages.items():
        found[{"unknown": "crb"}.get(entry["repository"], entry["repository"].lower())].append(name)
    return found


def _inside(tree: Path, script: str, stdin: str | None = None) -> str:
    return run(["chroot", str(tree), "sh", "-euc", script], stdin=stdin).stdout


def _make_repository(tree: Path, identity: str, packages: list[str], version: str) -> None:
    (tree / f"srv/{identity}.spec").write_text(spec(identity, packages, version))
    _inside(tree, f"mkdir -p /srv/{identity}; rpmbuild --quiet -bb --define '_rpmdir /srv/{identity}' /srv/{identity}.spec")


def _make_repositories(tree: Path, release: str, packages: Packages) -> None:
    repositories = by_repository(packages)
    for identity, names in repositories.items():
        _make_repository(tree, identity, names, "1")
    if release == "el9":
        (tree / "srv/stream.spec").write_text(spec("stream", ["mariadb-server", "mariadb"], "10.11", "mariadb:10.11:1:rhel9"))
        _inside(tree, "rpmbuild --quiet -bb --define '_rpmdir /srv/appstream' /srv/stream.spec")
        (tree / "srv/modules.yaml").write_text(
            STREAM % ", ".join(f'"{name}-0:10.11-1.noarch"' for name in ("mariadb-server", "mariadb"))
        )
    _inside(tree, f"""
        export GNUPGHOME=/srv/gnupg
        mkdir -m 0700 $GNUPGHOME
        gpg --batch --quiet --passphrase '' --quick-generate-key 'Foreign repository' rsa2048 sign never
        gpg --batch --armor --export > /srv/foreign.key
        rpmsign --define '_gpg_name Foreign repository' --define '__gpg /usr/bin/gpg' --addsign /srv/{FOREIGN}/noarch/*.rpm 2>&1
        gpgconf --kill all
        for each in {' '.join(repositories)}; do createrepo_c --quiet /srv/$each; done
        if [ -e /srv/modules.yaml ]; then modifyrepo_c --mdtype=modules /srv/modules.yaml /srv/appstream/repodata > /dev/null; fi
    """)  # fmt: skip
    directory = tree / "etc/yum.repos.d"
    directory.mkdir(parents=True, exist_ok=True)
    for identity, enabled in SHIPPED.items():
        (directory / f"{identity}.repo").write_text(repo(identity, enabled))


def _install(tree: Path, log: Path, facts: dict[str, Any]) -> dict[str, int]:
    image.run_playbook(PLAYBOOK, tree, log, {
        "el_facts": facts, "drbd_elrepo_baseurl": f"file:///srv/{FOREIGN}", "drbd_elrepo_gpgkey": "file:///srv/foreign.key",
    })  # fmt: skip
    return next(iter(recap.parse(log.read_text()).values()))


def prove(base: Path, release: str) -> None:
    """Install on a copy of a tree, taken for a release, twice. Raises LabError with what is wrong."""
    tree = base.with_name(release)
    run(["cp", "--archive", "--reflink=auto", str(base), str(tree)])
    packages = yaml.safe_load((RECORDED / "packages.yml").read_text())[release]
    facts = yaml.safe_load((RECORDED / f"{release}.yml").read_text())
    _make_repositories(tree, release, packages)
    first = _install(tree, tree / "srv/first.log", facts)
    if not first["changed"]:
        raise LabError(f"{release}: nothing was installed")
    installed = _inside(tree, "rpm --query --all --queryformat '%{NAME} %{VERSION}\\n'").splitlines()
    version = dict(line.split() for line in installed).get("mariadb-server")
    if version != ("10.11" if release == "el9" else "1"):
        raise LabError(f"{release}: mariadb-server {version} is installed, which is not what the role wants there")
    again = _install(tree, tree / "srv/again.log", facts)
    if again["changed"]:
        raise LabError(f"{release}: the second run changed something:\n{(tree / 'srv/again.log').read_text()[-4000:]}")
    print(f"{release}: {len(installed)} packages installed, from repositories as they are shipped; again: changed=0", flush=True)


def main() -> int:
    """Entry point; 0 when everything held."""
    argparse.ArgumentParser(prog="python3 -m lab.el_packages", description=(__doc__ or "").splitlines()[0]).parse_args()
    if os.geteuid() != 0:
        print("packages of EL: a chroot takes root", file=sys.stderr)
        return 1
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="dialtone-el.", ignore_cleanup_errors=True) as directory:
            base = Path(directory) / "base"
            image.debootstrap(base, SUITE, PACKAGES)
            for release in RELEASES:
                prove(base, release)
    except LabError as error:
        print(f"packages of EL: {error}", file=sys.stderr)
        return 1
    print(f"packages of EL: {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
