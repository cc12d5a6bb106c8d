"""The configuration file of the role drbd.

The expected texts were accepted by drbd-utils 9.22: `drbdadm-84 dump` for 8.4, `drbdadm dump` for 9.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.plugins.filter.core import FilterModule as CoreFilters
from ansible.plugins.test.core import TestModule as CoreTests
from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROLE = Path(__file__).resolve().parents[3] / "roles/drbd"

HANDLERS = {
    "8.4.11": """\
    fence-peer "/usr/lib/drbd/dialtone-fence-peer.sh /usr/lib/drbd/crm-fence-peer.sh";
    after-resync-target "/usr/lib/drbd/crm-unfence-peer.sh";
""",
    "9.2.14": """\
    fence-peer "/usr/lib/drbd/dialtone-fence-peer.sh /usr/lib/drbd/crm-fence-peer.9.sh";
    unfence-peer "/usr/lib/drbd/crm-unfence-peer.9.sh";
""",
}


def render(version: str, **inventory: Any) -> str:
    """Return the file without its comments, as the role writes it with the defaults and `inventory`."""
    environment = Environment(  # noqa: S701 - it is no web page
        loader=FileSystemLoader(ROLE / "templates"), trim_blocks=True, undefined=StrictUndefined
    )
    filters = CoreFilters().filters()
    environment.filters.update({name: filters[name] for name in ("combine", "comment")})
    environment.tests.update(CoreTests().tests())
    variables: dict[str, Any] = {
        **yaml.safe_load((ROLE / "defaults/main.yml").read_text()),
        **yaml.safe_load((ROLE / "vars/main.yml").read_text()),
        "ansible_managed": "Ansible managed",
        "pbx_nodes": [
            {"name": "server1", "address": "192.0.2.11", "address2": "fd00::11"},
            {"name": "server2", "address": "192.0.2.12", "address2": "fd00::12"},
        ],
        "drbd_disk": "/dev/vdb",
        "hostvars": {"server1": {}, "server2": {"drbd_disk": "/dev/disk/by-id/virtio-pbx"}},
        "__drbd_found": {"resource": {"version": version}},
        **inventory,
    }
    variables["__drbd_is_9"] = environment.from_string(variables["__drbd_is_9"]).render(variables) == "True"
    for name in ("__drbd_address", "__drbd_family"):
        variables[name] = environment.from_string(variables[name]).render(variables)
    text = environment.get_template("resource.res.j2").render(variables)
    return "".join(f"{line}\n" for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


@pytest.mark.parametrize(
    ("version", "net", "disk", "node_ids"),
    [
        ("8.4.11", "", "    fencing resource-and-stonith;\n", ("", "")),
        ("9.2.14", "    fencing resource-and-stonith;\n", "", ("    node-id 0;\n", "    node-id 1;\n")),
    ],
)
def test_each_version_gets_the_configuration_it_reads(
    version: str, net: str, disk: str, node_ids: tuple[str, str]
) -> None:
    assert render(version) == (
        f"""\
resource pbx {{
  net {{
    after-sb-0pri discard-zero-changes;
    after-sb-1pri consensus;
    after-sb-2pri disconnect;
{net}    protocol C;
  }}
  disk {{
{disk}    on-io-error detach;
  }}
  handlers {{
{HANDLERS[version]}  }}
  on server1 {{
{node_ids[0]}    device /dev/drbd0 minor 0;
    disk /dev/vdb;
    address ipv4 192.0.2.11:7788;
    meta-disk internal;
  }}
  on server2 {{
{node_ids[1]}    device /dev/drbd0 minor 0;
    disk /dev/disk/by-id/virtio-pbx;
    address ipv4 192.0.2.12:7788;
    meta-disk internal;
  }}
}}
"""
    )


def test_a_node_keeps_its_number_when_the_list_is_turned_around() -> None:
    nodes = [{"name": "server2", "address": "192.0.2.12"}, {"name": "server1", "address": "192.0.2.11"}]
    assert render("9.2.14", pbx_nodes=nodes) == render("9.2.14")


def test_options_of_the_site_win_and_the_second_link_replicates() -> None:
    text = render(
        "9.2.14", drbd_link=2, drbd_minor=3, drbd_port=7799, drbd_disk_options={"c-max-rate": "200M"},
        drbd_net_options={"ping-timeout": 20, "after-sb-1pri": "disconnect"},
    )  # fmt: skip
    assert "    address ipv6 [fd00::12]:7799;\n" in text
    assert "    device /dev/drbd3 minor 3;\n" in text
    assert "    ping-timeout 20;\n" in text
    assert "    after-sb-1pri disconnect;\n" in text
    assert "consensus" not in text
    assert "    c-max-rate 200M;\n" in text
    assert "    fencing resource-and-stonith;\n" in text


@pytest.mark.parametrize("version", ["8.4.11", "9.2.14"])
def test_two_primaries_are_never_allowed(version: str) -> None:
    assert "allow-two-primaries" not in render(version)
