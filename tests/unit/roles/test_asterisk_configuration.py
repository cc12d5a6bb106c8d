"""What asterisk and asterisk_tenants write, as Asterisk reads it: nothing is left out, and nobody is a telephone by saying so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asterisk_files import EXTENSION, TENANT, open_files, written

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_config as asterisk_config
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_conf
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.asterisk_conf import Section

#: Options of pjsip.conf by the type of the object, as the XML documentation of Asterisk 20 and 22.10.1 lists them.
OPTIONS = {
    version: json.loads((Path(__file__).parent / f"recorded/pjsip-options-{version}.json").read_text())
    for version in ("20", "22")
}
NODES = [
    {"name": "pbx1", "address": "192.0.2.11", "address2": "198.51.100.11"},
    {"name": "pbx2", "address": "192.0.2.12", "address2": "198.51.100.12"},
]


def pjsip(**given: Any) -> dict[tuple[str, str], Section]:
    """Return PJSIP's objects by type and name."""
    files = written(**given)
    names = ("pjsip.conf", "pjsip_endpoint.conf", "pjsip_aor.conf", "pjsip_auth.conf")
    sections = [section for name in names for section in asterisk_conf.read(files, name)]
    return {(section.value("type"), section.name): section for section in sections if not section.template}


@pytest.mark.parametrize("version", OPTIONS)
def test_asterisk_understands_all_of_it(version: str) -> None:
    tenants = [TENANT, {"name": "other_2", "extensions": [EXTENSION, {**EXTENSION, "number": "101", "name": "José (1.º)"}]}]
    assert asterisk_conf.problems(written(asterisk_tenants=tenants), OPTIONS[version]) == []
    assert asterisk_conf.problems(written(asterisk_tenants=[], asterisk_tenants_rtp_timeout=30), OPTIONS[version]) == []
    own = {path: text for path, text in written(asterisk_tenants=tenants).items() if path.startswith("tenants/")}
    assert asterisk_conf.problems(own, OPTIONS[version], "tenants") == []


def test_the_monitors_endpoint_is_known_by_address_alone() -> None:
    objects = pjsip(pbx_nodes=NODES)
    health = objects["endpoint", "health"]
    assert health.values("identify_by") == ["ip"]
    assert set(objects["identify", "health-identify"].values("match")) == {
        "192.0.2.10", "127.0.0.1", "192.0.2.11", "192.0.2.12", "198.51.100.11", "198.51.100.12",
    }  # fmt: skip
    # And can call nothing.
    (context,) = [s for s in asterisk_conf.read(written(), "extensions.conf") if s.name == health.value("context")]
    assert context.entries == []


def test_no_address_makes_a_telephone_and_no_name_goes_without_password() -> None:
    objects = pjsip()
    endpoints = {name: about for (kind, name), about in objects.items() if kind == "endpoint"}
    assert set(endpoints) == {"health", "100-demo"}
    assert endpoints["100-demo"].values("identify_by") == ["username"]
    assert objects["auth", endpoints["100-demo"].value("auth")].value("password") == EXTENSION["password"]
    assert {about.value("endpoint") for (kind, _name), about in objects.items() if kind == "identify"} == {"health"}


def test_a_rename_is_in_a_file_that_a_dry_run_shows_and_no_secret_is() -> None:
    secret = [EXTENSION["password"], EXTENSION["voicemail_pin"]]
    shown = {path: text for path, text in written().items() if not any(word in text for word in secret)}
    renamed = written(asterisk_tenants=[{**TENANT, "extensions": [{**EXTENSION, "name": "Workshop"}]}])
    assert [path for path, text in shown.items() if text != renamed[path]] == ["tenants/demo/pjsip_endpoint.conf"]
    assert open_files() == set(shown)


def test_a_mailbox_is_locked_so_that_no_crash_can_leave_it_locked() -> None:
    (options,) = [section for section in asterisk_conf.read(written(), "asterisk.conf") if section.name == "options"]
    assert options.values("lockmode") == ["flock"]


def test_asterisk_looks_for_each_type_where_it_is_written() -> None:
    """Otherwise each type is read out of all telephones again, which takes a minute and a half of ten thousand."""
    places = asterisk_config.sorcery_places(asterisk_config.read("sorcery.conf", written().get))
    assert places == {name: f"pjsip_{name}.conf" for name in ("endpoint", "aor", "auth")}
    found = asterisk_config.declared(written())
    assert found["endpoints"] == {"100-demo", "health"} and found["aors"] == found["auths"] == {"100-demo"}


def test_nothing_of_a_telephone_comes_from_a_template_that_asterisk_would_search_for() -> None:
    sections = [section for name in ("endpoint", "aor", "auth") for section in asterisk_conf.read(written(), f"pjsip_{name}.conf")]
    assert not any(section.template for section in sections)
    assert not any("](" in text for path, text in written().items() if path.startswith("tenants/"))


def test_lamps_have_a_pattern_for_each_length_of_number_and_each_number_an_extension() -> None:
    tenant = {"name": "other", "extensions": [EXTENSION, {**EXTENSION, "number": "101"}, {**EXTENSION, "number": "2000"}]}
    contexts = {section.name: section for section in asterisk_conf.read(written(asterisk_tenants=[TENANT, tenant]), "extensions.conf")}
    assert contexts["other-hints"].values("exten") == [f"{pattern},hint,PJSIP/${{EXTEN}}-other" for pattern in ("_XXX", "_XXXX")]
    numbers = {value.partition(",")[0] for value in contexts["other-internal"].values("exten")}
    assert numbers == {"100", "101", "2000", "*97", "*43"}
    assert {value.partition(",")[0] for value in contexts["demo-internal"].values("exten")} == {"100", "*97", "*43"}


def test_modules_that_are_asked_for_twice_are_loaded_once() -> None:
    (modules,) = asterisk_conf.read(written(asterisk_extra_modules=["app_queue", "app_echo"]), "modules.conf")
    loads = modules.values("load")
    assert len(loads) == len(set(loads)) and {"app_queue.so", "app_echo.so"} <= set(loads)
