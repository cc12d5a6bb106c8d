"""What the roles would write, read by the programs that will read it: MariaDB's settings and DRBD's resource."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.plugins.test_drbd_configuration import render

REPOSITORY = Path(__file__).resolve().parents[3]
BY_PATH = "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0"
#: Of drbd-utils 9.22 in Debian 12: what drbdadm runs itself for a kernel with 9, and what it calls for one with 8.4.
DRBDADM = {"9.2.14": "drbdadm", "8.4.11": "/lib/drbd/drbdadm-84"}
RUNNER = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.dialtone.ha_pbx.plugins.modules import config_check
with patch_module_args(json.load(sys.stdin)["ANSIBLE_MODULE_ARGS"]):
    config_check.main()
"""


def check(tmp_path: Path, *files: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Run the module as Ansible does; what it returns, and that it left nothing behind."""
    arguments = {"files": [{"cure": "Correct it.", **file} for file in files], "_ansible_remote_tmp": str(tmp_path), **options}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY / ".cache/collections")},
    )  # fmt: skip
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert not result.get("failed"), result
    assert result["changed"] is False
    assert list(tmp_path.rglob("config-check-*")) == []
    for file in files:
        assert file["content"] not in done.stdout
    return result


def drbd(tmp_path: Path, version: str, secrets: tuple[str, ...] = (), **inventory: Any) -> list[str]:
    """Return what drbdadm of a version says of the role's file."""
    variables = yaml.safe_load((REPOSITORY / "roles/drbd/vars/main.yml").read_text())
    assert "--config-to-test" in variables["__drbd_parser"] and "sh-nop" in variables["__drbd_parser"]
    how = ["-c", "{file}"] if version.startswith("8") else ["--config-to-test", "{file}", "--config-to-exclude", "/etc/drbd.d/pbx.res"]
    content = render(version, **{"hostvars": {"server1": {}, "server2": {}}, **inventory})
    file = {"path": "/etc/drbd.d/pbx.res", "content": content, "command": [DRBDADM[version], *how, "sh-nop"]}
    result = check(tmp_path, file, secrets=list(secrets))
    assert result["unchecked"] == []
    return [problem["found"] for problem in result["problems"]]


@pytest.mark.parametrize("version", DRBDADM)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"drbd_disk": BY_PATH},
        {"drbd_disk": "/dev/disk/by-id/dm-uuid-LVM~1@x=2"},
        {"drbd_disk": "/dev/mapper/vg-x+y"},
        {"drbd_disk": "/dev/disk/by-partlabel/voice mail;1"},
        {"drbd_resource_name": "1pbx"},
        {"drbd_net_options": {"cram-hmac-alg": "sha256", "shared-secret": "a;b#c {d} é", "ping-timeout": 20}},
        {"drbd_net_options": {"rcvbuf-size": "10M", "verify-alg": "crc32c"}},
        {"drbd_link": 2},
    ],
)
def test_drbd_reads_what_can_be(tmp_path: Path, version: str, given: dict[str, Any]) -> None:
    assert drbd(tmp_path, version, **given) == []


@pytest.mark.parametrize(
    ("version", "given", "said"),
    [
        *((version, {"drbd_net_options": {"ping-timeuot": 20}}, "ping-timeuot") for version in DRBDADM),
        *((version, {"drbd_minor": "first"}, "first") for version in DRBDADM),
        ("9.2.14", {"drbd_net_options": {"ping-timeout": "soon"}}, "soon"),
    ],
)
def test_drbd_says_what_cannot_be(tmp_path: Path, version: str, given: dict[str, Any], said: str) -> None:
    (found,) = drbd(tmp_path, version, **given)
    assert found.startswith("drbdadm")
    assert "cannot read what would be in /etc/drbd.d/pbx.res: " in found
    assert said in found and "config-check-" not in found


def test_a_secret_that_a_program_repeats_is_not_shown(tmp_path: Path) -> None:
    secret = "hidden-horse"
    given = {"drbd_net_options": {"ping-timeout": secret}}
    (found,) = drbd(tmp_path, "9.2.14", **given)
    assert secret in found
    (found,) = drbd(tmp_path, "9.2.14", secrets=(secret,), **given)
    assert secret not in found


SERVER = """\
[mysqld]
bind_address = 127.0.0.1,192.0.2.11
server_id = 1
log_bin = pbx-bin
binlog_format = ROW
rpl_semi_sync_master_wait_point = AFTER_SYNC
ssl_ca = /etc/mysql/pbx-ca.pem
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", ""),
        ("innodb_buffer_pool_size = 2G", ""),
        ("inodb_buffer_pool_size = 2G", "unknown variable 'inodb_buffer_pool_size=2G'"),
        ("max_connections = lots", "lots"),
        ("binlog_format = RAW", "RAW"),
        ("[mysqld", "Wrong group definition"),
    ],
)
def test_mariadb_reads_its_settings_or_says_what_it_does_not_know(tmp_path: Path, line: str, said: str) -> None:
    file = {
        "path": "/etc/mysql/mariadb.conf.d/90-dialtone-pbx.cnf", "content": f"{SERVER}{line}\n",
        "command": ["mariadbd", "--defaults-file={file}", "--help", "--verbose"],
    }  # fmt: skip
    found = [problem["found"] for problem in check(tmp_path, file)["problems"]]
    assert len(found) == bool(said)
    assert said in "".join(found)
    assert not found or found[0].startswith("mariadbd cannot read what would be in /etc/mysql/mariadb.conf.d/90-dialtone-pbx.cnf: ")


def test_several_files_are_judged_at_once_and_a_missing_program_is_no_fault(tmp_path: Path) -> None:
    script = ["sh", "-c", 'echo "Fatal error: line 3 of $0" >&2; exit 1', "{file}"]
    result = check(
        tmp_path,
        {"path": "/etc/one.conf", "content": "text of one", "command": script, "cure": "Mend one."},
        {"path": "/etc/two.conf", "content": "text of two", "command": ["no-such-program-anywhere", "{file}"]},
        {"path": "/etc/three.conf", "content": "text of three", "command": ["sh", "-c", 'grep -q three "$0"', "{file}"]},
        {"path": "/etc/four.conf", "content": "text of four", "command": ["sleep", "60"]},
        timeout=1,
    )
    assert result["unchecked"] == ["/etc/two.conf"]
    assert result["problems"] == [
        {"found": "sh cannot read what would be in /etc/one.conf: Fatal error: line 3 of /etc/one.conf", "cure": "Mend one."},
        {"found": "sleep cannot read what would be in /etc/four.conf: exit code 124", "cure": "Correct it."},
    ]
