#!/usr/bin/env bash
# Run `ansible-test sanity` on what belongs to the collection (what git tracks, and new files it does not ignore).
#
# usage: tools/sanity.sh [ARGUMENT of ansible-test sanity]…      for example: tools/sanity.sh --test validate-modules
set -euo pipefail
cd "$(dirname "$0")/.."

readonly work=$PWD/.cache/sanity
readonly collection=$work/ansible_collections/dialtone/ha_pbx

# ansible-test wants the collection below ansible_collections/ and a git repository to ask. A copy keeps .cache, .venv
# and everything else of a working checkout out of its sight.
rm -rf "$collection"
mkdir -p "$collection" "$work/home/.ansible/test/cache"
git ls-files --cached --others --exclude-standard --deduplicate -z |
  while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
  xargs --null cp --no-dereference --parents --target-directory="$collection"
git -C "$collection" init --quiet
git -C "$collection" add --all

# ansible-test keeps environments and downloads in ~/.ansible/test. They go to a home of their own: the stand-in for
# get-pip.py must not end up in the user's. pip is still to read the user's configuration.
pip_version=$(.venv/bin/python -c '
import re, pathlib, ansible_test
source = pathlib.Path(ansible_test.__path__[0], "_internal/python_requirements.py").read_text()
print(re.search(r"pip=.([0-9.]+)", source)[1])')
cp tools/ansible_test_get_pip.py "$work/home/.ansible/test/cache/get_pip_${pip_version//./_}.py"
if [[ -z ${PIP_CONFIG_FILE:-} && -f $HOME/.config/pip/pip.conf ]]; then
  export PIP_CONFIG_FILE=$HOME/.config/pip/pip.conf
fi

# Version managers put stubs of Pythons in PATH that are not installed; ansible-test would try every one of them.
system_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd "$collection"
exec env HOME="$work/home" PATH="$OLDPWD/.venv/bin:$system_path" ansible-test sanity --local --color no "$@"
