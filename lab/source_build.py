"""Prove the way from source: build Asterisk in a Debian 13 tree with the role's own tasks, and start what came out.

Debian 13 has no package of Asterisk, so the role builds it there. The tree is a chroot: no service manager, nothing
running, as when an image is baked. Usage, as root, on a machine that reaches a Debian mirror:

    .venv/bin/python -m lab.source_build [--keep DIRECTORY]

It takes five to ten minutes. Everything is removed at the end unless a directory is given, which the next run then
goes on from (nothing is built twice).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .command import run
from .config import REPOSITORY, LabError
from .image import debootstrap

SUITE = "trixie"
VERSION = "22.10.1"
PLAYBOOK = REPOSITORY / "lab" / "source_build.yml"
#: Where the configuration of the playbook listens.
SIP_ADDRESS = "127.0.0.1"
#: Without these the exchange is none.
MODULES = (
    "app_dial", "app_voicemail", "cdr_custom", "cel_custom", "chan_pjsip", "codec_alaw", "res_cdrel_custom", "res_pjsip",
    "res_rtp_asterisk", "res_srtp",
)  # fmt: skip


def say(text: str) -> None:
    """Print one line of the story."""
    print(text, flush=True)


def make_tree(tree: Path) -> None:
    """Make a minimal Debian 13 in `tree`, with what Ansible needs and no package starting anything."""
    debootstrap(tree, SUITE, ("ca-certificates", "iproute2", "python3", "python3-apt", "systemd"), "--skip=cleanup/apt/lists")
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    resolv = tree / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", resolv)


def inside(tree: Path, argv: list[str]) -> list[str]:
    """Return a command that runs `argv` in mount and network namespaces of its own, where the tree has a /proc.

    What is mounted and what listens there is gone with the last process, whatever happens.
    """
    mount = 'mount -t proc proc "$0/proc" && ip link set lo up && exec "$@"'
    return ["unshare", "--mount", "--net", "sh", "-c", mount, str(tree), *argv]


def playbook(tree: Path, jobs: int) -> str:
    """Run the playbook on the tree; return its output. The network of this machine, for the sources come from it."""
    program = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        raise LabError("ansible-playbook is not beside this Python: run `make setup` and use .venv/bin/python")
    argv = [
        "unshare", "--mount", "sh", "-c", 'mount -t proc proc "$0/proc" && exec "$@"', str(tree),
        program, "-i", "tree,", "-e", f"ansible_host={tree}", "-e", f"pbx_floating_address={SIP_ADDRESS}",
        "-e", f"asterisk_source_jobs={jobs}", str(PLAYBOOK),
    ]  # fmt: skip
    lines = []
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            lines.append(line)
            if line.startswith("TASK ["):
                say(f"  {line.split('] *')[0].removeprefix('TASK [')}")
    output = "".join(lines)
    if process.returncode != 0:
        raise LabError(f"{PLAYBOOK.name} failed on the tree {tree}:\n{output[-4000:]}")
    return output


def check_files(tree: Path) -> None:
    """Check that the modules, the prompts, the documentation, the account and the unit are there."""
    version = run(["chroot", str(tree), "asterisk", "-V"]).stdout.strip()
    if version != f"Asterisk {VERSION}":
        raise LabError(f"the built program says {version!r} and not {VERSION}")
    wanted = [f"/usr/lib/asterisk/modules/{name}.so" for name in MODULES]
    wanted += [
        "/usr/share/asterisk/documentation/core-en_US.xml",
        "/usr/share/asterisk/sounds/en/vm-intro.wav",
        "/etc/systemd/system/asterisk.service",
        "/etc/logrotate.d/asterisk",
    ]
    # Asked inside the tree, for there are absolute links among them.
    missing = [path for path in wanted if run(["chroot", str(tree), "test", "-e", path], check=False).returncode]
    if missing:
        raise LabError(f"built, but without {', '.join(missing)}")
    owner = run(["chroot", str(tree), "stat", "-c", "%U:%u", "/var/lib/asterisk"]).stdout.strip()
    if owner != "asterisk:850":
        raise LabError(f"/var/lib/asterisk belongs to {owner} and not to asterisk:850")
    say(f"  {version}, {len(list((tree / 'usr/lib/asterisk/modules').glob('*.so')))} modules")


def check_start(tree: Path) -> None:
    """Start it with the role's configuration in a network of its own, and ask it."""
    log = tree / "var/log/asterisk/messages.log"
    log.unlink(missing_ok=True)
    # One shell for all, because the namespaces of `inside` are those of its processes.
    script = """
        chroot "$1" install -d -o asterisk -g asterisk /run/asterisk
        PBX_NODE=here chroot "$1" asterisk -f -U asterisk -G asterisk >/dev/null 2>&1 &
        end=$(($(date +%s) + 30))
        until chroot "$1" asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; do
            [ "$(date +%s)" -lt "$end" ] || { echo 'Asterisk did not start within 30 s' >&2; kill $!; exit 1; }
        done
        for command in 'core show version' 'module show' 'pjsip show transports' 'dialplan show demo-hints' 'pjsip list endpoints'; do
            echo "== $command"; chroot "$1" asterisk -rx "$command"
        done
        kill $!; wait $!
    """
    said = run(inside(tree, ["sh", "-c", script, "sh", str(tree)])).stdout
    for expected in (f"Asterisk {VERSION} built by", f"{SIP_ADDRESS}:5060", "_XXX", "100-demo"):
        if expected not in said:
            raise LabError(f"the started Asterisk does not say {expected!r}; it said:\n{said}\n{log.read_text()}")
    # Call records are the role odbc_cdr's: its files and its database are not here.
    stopped = [line for line in said.splitlines() if "Not Running" in line and "custom" not in line]
    errors = [
        line
        for line in log.read_text().splitlines()
        if " ERROR[" in line and not any(name in line for name in ("_custom", "'cdr.conf'", "'cel.conf'"))
    ]
    if stopped or errors:
        raise LabError("started, but not in order:\n" + "\n".join(stopped + errors))
    say(f"  started, {said.count('Running')} modules run, SIP on {SIP_ADDRESS}:5060, and stopped")


def prove(tree: Path, jobs: int) -> None:
    """Build in the tree, twice, and start what came out. Raises LabError with what is wrong."""
    began = time.monotonic()
    if not (tree / "usr/bin/apt-get").exists():
        say(f"Debian {SUITE} (some 20 s)")
        make_tree(tree)
    say("the roles' install.yml and configure.yml (five minutes and more)")
    playbook(tree, jobs)
    say(f"  {time.monotonic() - began:.0f} s")
    say("the same again: nothing must change")
    again = playbook(tree, jobs)
    if "changed=0 " not in again:
        raise LabError(f"the second run changed something:\n{again[-4000:]}")
    say("what was built")
    check_files(tree)
    check_start(tree)
    say(f"Asterisk {VERSION} builds from source on Debian {SUITE} and runs: {time.monotonic() - began:.0f} s")


def main() -> int:
    """Entry point; 0 when everything held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="directory of the tree, kept and used again")
    parser.add_argument("--jobs", type=int, default=0, help="compilers at once; 0 takes every processor")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("a chroot takes root")
    tree = options.keep or Path(tempfile.mkdtemp(prefix="dialtone-source-build."))
    try:
        prove(tree.resolve(), options.jobs)
    except LabError as error:
        print(f"source build: {error}", file=sys.stderr)
        return 1
    finally:
        if options.keep is None:
            shutil.rmtree(tree, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
