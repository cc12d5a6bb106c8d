"""Command line of the virtual machines' lab: python3 -m lab.vm up|down|exec|test|power-cut|status|shell.

Vagrant, driven by molecule's scenario `default`, makes the machines; here is what they stand on.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Before the modules that decide by it where the lab is.
os.environ["DIALTONE_LAB_KIND"] = "vms"

from .. import cli, hosts, network
from ..config import DRIVER, HOSTS, LAB_DIR, REPOSITORY, LabError, namespaced, ns_argv
from . import acceleration, box, fencing, libvirt, logs, machines, power_cut, vagrant
from .stages import Stages


def own_box() -> bool:
    """Tell whether the machines are made from the lab's own box (and not one of DIALTONE_VM_BOX)."""
    return os.environ.get("DIALTONE_VM_BOX", box.NAME) == box.NAME


def up() -> None:
    """Have everything that the machines stand on: box, libvirt, networks, fencing. What is there is left as it is."""
    for part in ("", "log", "run", "secrets", "molecule"):
        (LAB_DIR / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    if own_box():
        box.add()
    DRIVER.write_text(acceleration.driver(box.directory() / "vmlinuz" if own_box() else None))
    libvirt.start()
    fencing.start()


def down() -> None:
    """End machines, libvirt and networks, and remove what belongs to this lab; the box stays in the cache."""
    fencing.stop()
    libvirt.stop()
    if namespaced():
        network.down()
    shutil.rmtree(LAB_DIR, ignore_errors=True)


def environment() -> dict[str, str]:
    """Return the variables that the scenario `default` and Vagrant read."""
    variables = {**vagrant.environment(), "DIALTONE_VM_URI": libvirt.uri()}
    try:
        driver = DRIVER.read_text()
    except FileNotFoundError:
        raise LabError(f"{DRIVER} is missing: prepare the lab with `python3 -m lab.vm up`") from None
    variables["DIALTONE_VM_DRIVER"] = driver
    # Emulated: qemu64 is faster than every other model, and enough for Debian; EL 9 and 10 want x86-64-v2 and v3.
    fitting = "host-passthrough" if driver == "kvm" else "custom" if own_box() else "maximum"
    variables["DIALTONE_VM_CPU_MODE"] = os.environ.get("DIALTONE_VM_CPU_MODE", fitting)
    if own_box():
        variables["DIALTONE_VM_BOX_VERSION"] = box.version()
    # molecule-plugins before 26 brings its module with it; later ones want the collection community.vagrant.
    plugin = importlib.util.find_spec("molecule_plugins.vagrant")
    if plugin is not None and plugin.origin is not None:
        modules = Path(plugin.origin).parent / "modules"
        if modules.is_dir():
            variables["ANSIBLE_LIBRARY"] = str(modules)
    return variables


def execute(argv: list[str]) -> int:
    """Run a command where the machines are reached, with the variables it needs; return its exit code."""
    return subprocess.call(ns_argv(argv), env={**os.environ, **environment()}, cwd=REPOSITORY)


def test(arguments: list[str]) -> int:
    """Run molecule's scenario `default` and print how long each of its stages took; return its exit code.

    When it fails, what the machines and the lab have logged is printed while it is still there.
    """
    variables = environment()
    print(f"virtual machines: driver {variables['DIALTONE_VM_DRIVER']}", flush=True)
    watch = Stages()
    # The end is a command of its own: molecule would destroy what has to be looked at.
    process = subprocess.Popen(
        ns_argv(["molecule", "test", "--scenario-name", "default", "--destroy", "never", *arguments]), cwd=REPOSITORY,
        env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    for line in process.stdout or ():
        print(line, end="", flush=True)
        watch.read(line)
    code = process.wait()
    if code:
        logs.show()
    else:
        watch.begin("destroy")
        # What they still do is nobody's business any more, and takes the processors from Vagrant.
        for name in HOSTS:
            machines.kill(name)
        code = execute(["molecule", "destroy", "--scenario-name", "default"])
    print(f"\nmolecule default, exit code {code}:\n{watch.report()}", flush=True)
    return code


def main() -> int:
    """Run the command of the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.vm", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="have box, libvirt, networks and fencing")
    commands.add_parser("down", help="end all of it and remove it")
    commands.add_parser("power-cut", help="cut the active machine's power in the middle of work")
    commands.add_parser("status", help="which machines run")
    commands.add_parser("shell", help="a shell on a machine").add_argument("node", choices=sorted(HOSTS))
    for command, text in (("exec", "run a command where the machines are"), ("test", "run the scenario, timed")):
        commands.add_parser(command, help=text).add_argument("argv", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if namespaced() and os.geteuid() != 0:
        print("lab: it takes root to make network namespaces and run libvirt in one", file=sys.stderr)
        return 1
    runs: dict[str, Callable[[], int | None]] = {
        "up": up, "down": down, "power-cut": power_cut.cut, "status": cli.status,
        "exec": lambda: execute(arguments.argv), "test": lambda: test(arguments.argv),
        "shell": lambda: hosts.shell(arguments.node),
    }  # fmt: skip
    return cli.exit_code(runs[arguments.command])


if __name__ == "__main__":
    sys.exit(main())
