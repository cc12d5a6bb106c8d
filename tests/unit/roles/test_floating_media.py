"""Role asterisk: everything that an endpoint sends, and what SDP says of it, has the floating address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TEMPLATES = Path(__file__).parents[3] / "roles" / "asterisk" / "templates"
FLOATING = "192.0.2.10"
EXTENSION = {"number": "100", "name": "Telephone 100", "password": "correct-horse", "voicemail_pin": "2580"}
TENANTS = [{"name": name, "extensions": [EXTENSION, {**EXTENSION, "number": "101"}]} for name in ("demo", "other")]
DEFAULTS = DataLoader().load_from_file(str(TEMPLATES.parent / "defaults/main.yml"), trusted_as_template=True)


def render(template: str, **more: Any) -> str:
    variables = {
        **DEFAULTS, "ansible_managed": "managed", "asterisk_tenants": TENANTS, "pbx_floating_address": FLOATING,
        "pbx_nodes": [{"name": "server1", "address": "192.0.2.11"}, {"name": "server2", "address": "192.0.2.12"}], **more,
    }  # fmt: skip
    text = trust_as_template((TEMPLATES / template).read_text())
    return str(Templar(loader=DataLoader(), variables=variables).template(text))


def pjsip() -> str:
    """Return pjsip.conf with what it includes, in its order: a template may be used by what comes after it."""
    text = render("pjsip.conf.j2").replace("#include pjsip_transports.conf\n", render("pjsip_transports.conf.j2"))
    for tenant in TENANTS:
        for file in ("pjsip.conf", "pjsip_endpoints.conf"):
            text = text.replace(f"#include tenants/{tenant['name']}/{file}\n", render(f"tenant/{file}.j2", tenant=tenant))
    assert "#include" not in text
    return text


def objects(text: str) -> list[tuple[str, dict[str, str]]]:
    """Read Asterisk's configuration: each section that is no template, with what it inherits (`[name](!,template)`)."""
    templates: dict[str, dict[str, str]] = {}
    found: list[tuple[str, dict[str, str]]] = []
    current: dict[str, str] = {}
    for line in text.splitlines():
        header = re.fullmatch(r"\[([^]]+)\](?:\(([^)]*)\))?", line)
        if header:
            words = (header[2] or "").split(",") if header[2] else []
            current = {}
            for inherited in words:
                if inherited != "!":
                    current.update(templates[inherited])
            if "!" in words:
                templates[header[1]] = current
            else:
                found.append((header[1], current))
        elif line and not line.startswith(";"):
            key, value = line.split("=", 1)
            current[key.strip()] = value.strip()
    return found


def test_every_endpoint_binds_its_audio_to_the_floating_address_and_names_it() -> None:
    endpoints = {name: values for name, values in objects(pjsip()) if values.get("type") == "endpoint"}
    assert set(endpoints) == {"health", "100-demo", "101-demo", "100-other", "101-other"}
    for name, values in endpoints.items():
        assert values.get("media_address") == FLOATING, name
        # Without it the address is only written into SDP, and packets leave from the node's own all the same.
        assert values.get("bind_rtp_to_media_address") == "yes", name


def test_every_transport_is_bound_to_the_floating_address() -> None:
    transports = {name: values for name, values in objects(pjsip()) if values.get("type") == "transport"}
    assert set(transports) == {"transport-udp", "transport-tcp"}
    assert {values["bind"] for values in transports.values()} == {f"{FLOATING}:5060"}
