"""Role centos_base: needrestart, which reads its configuration as Perl, leaves alone what the cluster runs, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).resolve().parents[3] / "roles/centos_base/files/needrestart.conf"

#: As needrestart reads the files of conf.d, and then asks for each unit: its default for all others is to restart it.
ASK = """
our %nrconf = (override_rc => { qr(^dbus) => 0 });
my $fn = shift @ARGV;
eval do { local(@ARGV, $/) = $fn; <> };
die "Error parsing $fn: $@" if $@;
UNIT: for my $rc (@ARGV) {
  for my $re (keys %{$nrconf{override_rc}}) {
    next unless $rc =~ /$re/;
    print "$rc\\n" unless $nrconf{override_rc}->{$re};
    next UNIT;
  }
}
"""
KEPT = ["asterisk", "corosync", "firewalld", "mariadb", "NetworkManager", "pacemaker", "pcsd", "systemd-networkd", "dbus"]


@pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
def test_what_the_cluster_runs_is_never_restarted() -> None:
    units = [f"{name}.service" for name in [*KEPT, "chrony", "ssh", "asterisk-backup", "not-asterisk"]]
    done = subprocess.run(["perl", "-e", ASK, str(CONFIGURATION), *units], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{name}.service" for name in KEPT]
