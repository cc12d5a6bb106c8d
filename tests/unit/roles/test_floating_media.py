"""Everything that an endpoint sends, and what SDP says of it, has the floating address."""

from __future__ import annotations

from asterisk_files import EXTENSION, written

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_conf

FLOATING = "192.0.2.10"
TENANTS = [{"name": name, "extensions": [EXTENSION, {**EXTENSION, "number": "101"}]} for name in ("demo", "other")]


def objects(path: str, kind: str) -> dict[str, asterisk_conf.Section]:
    """Return the objects of a type in a file, by name."""
    sections = asterisk_conf.read(written(asterisk_tenants=TENANTS, pbx_floating_address=FLOATING), path)
    return {section.name: section for section in sections if section.value("type") == kind}


def test_every_endpoint_binds_its_audio_to_the_floating_address_and_names_it() -> None:
    endpoints = objects("pjsip_endpoint.conf", "endpoint")
    assert set(endpoints) == {"health", "100-demo", "101-demo", "100-other", "101-other"}
    for name, endpoint in endpoints.items():
        assert endpoint.value("media_address") == FLOATING, name
        # Without it the address is only written into SDP, and packets leave from the node's own all the same.
        assert endpoint.value("bind_rtp_to_media_address") == "yes", name


def test_every_transport_is_bound_to_the_floating_address() -> None:
    transports = objects("pjsip.conf", "transport")
    assert set(transports) == {"transport-udp", "transport-tcp"}
    assert {transport.value("bind") for transport in transports.values()} == {f"{FLOATING}:5060"}
