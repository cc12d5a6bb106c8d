#!/usr/bin/env bash
# Build the collection as Galaxy would publish it, install that in an empty directory, and deploy the lab from there.
#
# usage: tools/artifact_test.sh           on the running, deployed lab: nothing may change
#        tools/artifact_test.sh --fresh   on a lab made for it: the artifact does the first deployment, then a second
#                                         run that must change nothing
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  --fresh) fresh=true ;;
  '') fresh=false ;;
  *) echo "what is '$1'? usage: tools/artifact_test.sh [--fresh]" >&2; exit 2 ;;
esac

readonly artifacts=$PWD/.cache/artifact
readonly log=$PWD/.cache/log
export PATH=$PWD/.venv/bin:$PATH
recap=$PWD/tools/recap.py
mkdir -p "$artifacts" "$log"
rm -f "$artifacts"/*.tar.gz
ansible-galaxy collection build --output-path "$artifacts" | tail --lines=1

# Outside the checkout, so that neither its ansible.cfg nor the link to it can be found by accident.
empty=$(mktemp --directory --tmpdir dialtone-artifact.XXXXXX)
trap 'rm -rf "$empty"' EXIT

if $fresh; then
  python3 -m lab up
fi

cd "$empty"
# An environment without any setting of Ansible: what is found is what is installed.
clean=(env --unset=ANSIBLE_CONFIG ANSIBLE_COLLECTIONS_PATH="$empty" ANSIBLE_HOME="$empty/home" ANSIBLE_NOCOLOR=1)
# --offline asks no server: the collections of the package `ansible` must satisfy the dependencies.
"${clean[@]}" ansible-galaxy collection install --offline --collections-path "$empty" "$artifacts"/*.tar.gz |
  tail --lines=1
installed=$empty/ansible_collections/dialtone/ha_pbx

# What a user of the artifact has no use for must not be in it, and what he needs must be.
for path in lab tests molecule tools Makefile .venv .cache; do
  [[ ! -e $installed/$path ]] || { echo "artifact: $path has no business in it (build_ignore in galaxy.yml)" >&2; exit 1; }
done
for path in README.md LICENSE CHANGELOG.md docs playbooks/site.yml inventories/example inventories/lab; do
  [[ -e $installed/$path ]] || { echo "artifact: $path is missing" >&2; exit 1; }
done

deploy() { # deploy NAME [ARGUMENT of recap.py]…
  local name=$1 output=$log/artifact-$1.log
  shift
  echo "artifact: $name run of dialtone.ha_pbx.site from $empty (output: ${output#"$OLDPWD"/})"
  "${clean[@]}" ansible-playbook -i "$installed/inventories/lab" dialtone.ha_pbx.site >"$output" 2>&1 </dev/null || {
    tail --lines=60 "$output" >&2
    echo "artifact: the $name run failed, see above" >&2
    return 1
  }
  python3 "$recap" --hosts server1,server2 "$@" <"$output" || {
    grep --before-context=30 '^changed:' "$output" >&2 || true
    return 1
  }
}

if $fresh; then
  deploy first
fi
deploy repeated --max-changed 0
