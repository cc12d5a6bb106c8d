#!/usr/bin/env bash
# Set up this machine for the lab and the tests: Debian packages, .venv, and the link by which Ansible finds the
# checkout as the collection dialtone.ha_pbx.
#
# usage: tools/setup.sh demo|test|vm
#   demo  what `make demo` needs (the default, and a part of the others)
#   test  what `make test` needs
#   vm    what `make test-vm` needs
#
# It looks at what is missing and does that; with nothing missing it ends within a blink, and needs no root.
# Nothing it installs is started, now or at boot.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly log=.cache/log
readonly venv=.venv
readonly policy=/usr/sbin/policy-rc.d

demo_packages=(
  baresip-core            # the telephones of the lab
  ca-certificates
  debian-archive-keyring  # mmdebstrap checks the image's packages against it
  iproute2
  make
  mmdebstrap
  netcat-openbsd          # Ansible's way into the lab's network namespace
  openssh-client
  openssl
  procps
  python3-venv
  sip-tester              # SIPp, the load
  sipsak
  systemd-container
  util-linux
)
test_packages=(
  drbd-utils              # drbdadm reads what the role would write
  fence-agents            # pcs asks an agent for its parameters
  golang-github-vmware-govmomi-dev  # the simulated ESXi host
  golang-go               # builds it
  git                     # the checks that copy what belongs to the collection ask git
  libxml2-utils           # xmllint holds what our agents say of themselves to the DTD
  mariadb-client
  mariadb-server-core     # two servers of the integration tests; this package has no service
  pacemaker-cli-utils     # crm_diff, crm_verify, crm_simulate
  pacemaker-resource-agents
  pcs
  resource-agents
  shellcheck
)

vm_packages=(
  dnsmasq-base            # libvirt's networks
  fence-virtd             # takes the fencing requests of the machines
  iptables                # libvirt asks for it, also for networks that forward nothing
  libvirt-clients
  libvirt-daemon
  libvirt-daemon-driver-qemu
  libvirt-daemon-system
  policycoreutils         # setfiles labels the machines' disk
  qemu-system-x86
  qemu-utils
  vagrant
  vagrant-libvirt
)

say() { printf 'setup: %4d s  %s\n' "$SECONDS" "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

is_debian() { command -v dpkg-query >/dev/null && grep --quiet --no-messages '^ID=debian$' /etc/os-release; }

missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

# The distribution's own Python where it will do: it is the one whose venv comes as a package.
find_python() {
  local python
  for python in /usr/bin/python3 python3; do
    if command -v "$python" >/dev/null &&
       "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  die "no Python of version 3.11 or later was found; on Debian 12: apt-get install python3"
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 --yes --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@"
}

installed_packages() { dpkg-query --show --showformat='${Package}\n' | sort --unique; }

# pcs, Pacemaker and Corosync start their daemons when installed and at every boot. Their tools are wanted here, not
# a cluster on the user's machine: a policy file forbids the start while apt runs (the administrator's own file, where
# there is one, has the say), and services of packages that were not there before are disabled afterwards.
install_packages() {
  local before after package unit
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\n# Temporary, of dialtone.ha_pbx tools/setup.sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
  fi
  before=$(installed_packages)
  apt install "$@"
  after=$(installed_packages)
  comm -13 <(echo "$before") <(echo "$after") | while read -r package; do
    case $package in systemd*|dbus*|udev) continue ;; esac
    dpkg-query --listfiles "$package" |
      sed --quiet --regexp-extended 's#^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer|path))$#\2#p' |
      while read -r unit; do
        compgen -G "/etc/systemd/system/*/$unit" >/dev/null || continue
        systemctl --no-reload disable "$unit"
      done
  done
}

packages() { install_packages "${missing[@]}"; }

python_environment() {
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
  fi
  # Compiling the 20,000 files of the package `ansible` takes longer than unpacking them; Python compiles what it uses.
  "$venv/bin/python" -m pip --disable-pip-version-check install --no-compile --progress-bar off \
    --constraint constraints.txt --requirement "$requirements"
  echo "$wanted" >"$stamp"
}

# Run functions at the same time, each into its own log, and say every ten seconds how far they are.
# `read` gets a line when a job ends, its timeout is the tick, and the end of file means that all have ended.
together() {
  local ended job rc name failed=()
  exec {ended}< <(
    set +e
    for job in "$@"; do
      ( (set -e; "$job") >"$log/setup-$job.log" 2>&1 </dev/null; echo "$? $job") &
    done
    wait
  )
  while :; do
    rc=0
    read -r -t 10 -u "$ended" rc name || {
      (( $? > 128 )) || break
      for job in "$@"; do
        [[ " ${done_jobs:-} " == *" $job "* ]] ||
          say "${job//_/ }: $(tail --lines=1 "$log/setup-$job.log" 2>/dev/null | cut --characters=-100)"
      done
      continue
    }
    done_jobs="${done_jobs:-} $name"
    if [[ $rc == 0 ]]; then
      say "${name//_/ }: done"
    else
      failed+=("$name")
      say "${name//_/ }: FAILED"
    fi
  done
  exec {ended}<&-
  for name in "${failed[@]}"; do
    echo "--- the end of $log/setup-$name.log:" >&2
    tail --lines=30 "$log/setup-$name.log" >&2
  done
  (( ${#failed[@]} == 0 )) || die "not finished; the cause is above, and running it again goes on where it stopped"
}

what=${1:-demo}
case $what in
  demo) wanted_packages=("${demo_packages[@]}") requirements=requirements-demo.txt ;;
  test) wanted_packages=("${demo_packages[@]}" "${test_packages[@]}") requirements=requirements-test.txt ;;
  vm) wanted_packages=("${demo_packages[@]}" "${vm_packages[@]}") requirements=requirements-test.txt ;;
  *) die "what is '$what'? usage: tools/setup.sh demo|test|vm" ;;
esac
mkdir -p "$log"

is_debian || die "this machine is not Debian; the lab and the tests are made for Debian 12"
mapfile -t missing < <(missing_packages "${wanted_packages[@]}")

# The Python environment is right when it was installed from these very files. That of `test` contains that of `demo`.
python=$(find_python)
wanted=$(cat constraints.txt requirements*.txt | sha256sum | cut --delimiter=' ' --fields=1)
case $what in demo) stamp=$venv/demo.sha256 ;; *) stamp=$venv/test.sha256 ;; esac
jobs=()
if ! { "$venv/bin/python" --version >/dev/null 2>&1 && grep --quiet --no-messages "$wanted" "$stamp" "$venv/test.sha256"; }; then
  jobs+=(python_environment)
fi

if (( ${#missing[@]} )); then
  (( EUID == 0 )) || die "these packages are missing and need root to install: ${missing[*]}"
  say "Debian packages: ${#missing[@]} of ${#wanted_packages[@]} are missing"
  apt update >"$log/setup-apt-update.log" 2>&1 ||
    { cat "$log/setup-apt-update.log" >&2; die "apt-get update failed, see above"; }
  if (( ${#jobs[@]} )) && ! "$python" -c 'import ensurepip' 2>/dev/null; then
    say "python3-venv comes first"
    install_packages python3-venv >"$log/setup-python3-venv.log" 2>&1 ||
      { cat "$log/setup-python3-venv.log" >&2; die "python3-venv could not be installed, see above"; }
  fi
  jobs=(packages "${jobs[@]}")
fi
(( ${#jobs[@]} == 0 )) || together "${jobs[@]}"

# Ansible looks for <path>/ansible_collections/<namespace>/<name>. The two __init__.py let pytest and mypy import it.
link=.cache/collections/ansible_collections/dialtone/ha_pbx
if [[ ! -e $link/galaxy.yml ]]; then
  mkdir -p "${link%/*}"
  touch "${link%/*/*}/__init__.py" "${link%/*}/__init__.py"
  ln --symbolic --force --no-dereference ../../../.. "$link"
fi
(( ${#jobs[@]} == 0 )) || say "ready"
