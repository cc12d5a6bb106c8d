"""The collection's artifact, as Galaxy would get it: python3 -m tools.artifact DIRECTORY

It is built from a copy of what git tracks. ansible-galaxy walks all there is beside it before it chooses: it takes long, fails when a
file of a cache goes meanwhile, and would pack what git ignores in a folder that ships.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tracked() -> set[str]:
    """What git tracks, or would: new files count."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # A repository in the repository is listed as a directory, and a symbolic link to one is none.
    return {name for name in listed.stdout.split("\0") if name and ((ROOT / name).is_file() or (ROOT / name).is_symlink())}


def build(directory: Path) -> Path:
    """Build the artifact in a directory, in place of one of the same version, and return its path.

    Raises subprocess.CalledProcessError when ansible-galaxy refuses.
    """
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    with tempfile.TemporaryDirectory() as copy, tempfile.TemporaryDirectory() as built:
        for name in tracked():
            (Path(copy) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, Path(copy) / name, follow_symlinks=False)
        subprocess.run([str(galaxy), "collection", "build", "--output-path", built, copy], stdout=subprocess.DEVNULL, check=True)
        (artifact,) = Path(built).glob("*.tar.gz")
        directory.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(artifact, directory))


def main() -> int:
    """Build it and print where it is."""
    parser = argparse.ArgumentParser(prog="tools.artifact", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="DIRECTORY")
    print(build(parser.parse_args().directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
