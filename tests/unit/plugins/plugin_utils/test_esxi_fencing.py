"""The fence devices of machines on ESXi, out of the variables that made them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.plugins.filter.core import to_uuid

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.esxi_fencing import esxi_fence_devices

NODES = [{"name": "pbx1"}, {"name": "pbx2"}]
WAY_IN = {"esxi_vm_hostname": "esxi.example.com", "esxi_vm_username": "root", "esxi_vm_password": "ñ"}


def devices(**more: Any) -> list[dict[str, Any]]:
    return esxi_fence_devices(NODES, {node["name"]: {**WAY_IN, **more} for node in NODES}, "pbx")


def test_a_standalone_host() -> None:
    first, second = devices()
    assert first == {
        "name": "fence-pbx1", "node": "pbx1", "agent": "fence_vmware_soap", "delay": 2,
        "options": {
            "ip": "esxi.example.com", "ipport": "443", "username": "root", "password": "ñ", "ssl": "1", "plug": to_uuid("pbx/pbx1"),
        },
    }  # fmt: skip
    assert (second["node"], second["options"]["plug"], "delay" in second) == ("pbx2", to_uuid("pbx/pbx2"), False)


def test_a_vcenter_knows_names_only() -> None:
    first, dummy = devices(esxi_vm_esxi_host="esxi1", esxi_vm_password="x", esxi_vm_name="exchange", esxi_vm_port=8443)
    assert first["agent"] == "fence_vmware_rest"
    assert (first["options"]["plug"], first["options"]["filter"]) == ("exchange", "filter.names=exchange")
    assert first["options"]["ipport"] == "8443"


def test_a_certificate_that_is_not_verified_is_asked_for() -> None:
    options = devices(esxi_vm_validate_certs=False)[0]["options"]
    assert ("ssl" in options, options["ssl_insecure"]) == (False, "1")


def test_what_the_agent_cannot_send() -> None:
    with pytest.raises(AnsibleFilterError, match="pbx1: esxi_vm_password has letters outside ASCII"):
        devices(esxi_vm_esxi_host="esxi1")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="pbx1: esxi_vm_password not set"):
        devices(esxi_vm_password="")
