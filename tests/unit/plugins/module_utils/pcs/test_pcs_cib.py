# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CIB as a tree: values, roles, times, sets of pairs, descriptions."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError


@pytest.mark.parametrize(
    "name",
    ["password", "passwd", "snmp_priv_passwd", "secret", "api_key", "key", "ssh-key", "token", "community", "hexadecimal_kg"],
)
def test_names_of_secrets(name):
    assert cib.is_secret(name)


@pytest.mark.parametrize("name", ["ip", "username", "plug", "keytab_path", "monkey", "kgs", "pcmk_host_list", "port", "type"])
def test_names_of_what_is_no_secret(name):
    assert not cib.is_secret(name)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("60", "60s", True),
        ("60s", "1min", True),
        ("500ms", "0.5", False),
        ("1h", "3600", True),
        ("10", "11s", False),
        ("odd", "odd", True),
    ],
)
def test_times(one, two, same):
    assert cib.same_time(one, two) is same


@pytest.mark.parametrize(
    ("given", "normal"),
    [("Master", "Promoted"), ("slave", "Unpromoted"), ("Promoted", "Promoted"), ("Started", None), (None, None)],
)
def test_roles(given, normal):
    assert cib.normal_role(given) == normal


@pytest.mark.parametrize(
    ("schema", "written"), [("pacemaker-3.6", "Master"), ("pacemaker-3.7", "Promoted"), ("pacemaker-4.0", "Promoted")]
)
def test_a_role_is_written_in_the_words_of_the_schema(schema, written):
    assert cib.role_for(ET.Element("cib", {"validate-with": schema}), "Promoted") == written


def test_values_of_yaml():
    assert cib.text_values({"a": True, "b": False, "c": 24, "d": "x", "e": None}) == {
        "a": "true",
        "b": "false",
        "c": "24",
        "d": "x",
    }


@pytest.mark.parametrize("text", ["", "<cib>", "<cib/>", "<html><configuration/></html>"])
def test_what_is_no_cib_is_refused(text):
    with pytest.raises(PcsError, match="the scratch file"):
        cib.parse(text, "the scratch file")


def owner_with(xml):
    root = cib.parse(f"<cib><configuration><resources>{xml}</resources></configuration></cib>")
    return root, cib.section(root, "resources")[0]


def test_a_pair_is_changed_where_it_stands():
    root, owner = owner_with(
        '<primitive id="r"><meta_attributes id="m1"><nvpair id="p" name="a" value="1"/></meta_attributes>'
        '<meta_attributes id="m2"><nvpair id="q" name="b" value="1"/></meta_attributes></primitive>'
    )
    cib.set_nvpair(root, owner, "meta_attributes", "r-meta", "b", "2")
    assert cib.nvpairs(owner, "meta_attributes") == {"a": "1", "b": "2"}
    assert [p.get("id") for p in owner.iter("nvpair")] == ["p", "q"]


def test_the_last_pair_takes_its_set_along():
    root, owner = owner_with(
        '<primitive id="r"><meta_attributes id="m"><nvpair id="p" name="a" value="1"/></meta_attributes></primitive>'
    )
    cib.set_nvpair(root, owner, "meta_attributes", "r-meta", "a", None)
    assert list(owner) == []


def test_sets_under_a_rule_are_not_touched():
    root, owner = owner_with(
        '<primitive id="r"><meta_attributes id="m"><rule id="u"/><nvpair id="p" name="a" value="1"/></meta_attributes>'
        "</primitive>"
    )
    cib.set_nvpair(root, owner, "meta_attributes", "r-meta", "a", "2")
    ruled, plain = owner.findall("meta_attributes")
    assert ruled.find("nvpair").get("value") == "1"
    assert plain.get("id") == "r-meta"
    assert cib.nvpairs(owner, "meta_attributes") == {"a": "2"}


def test_ids_stay_unique_and_valid():
    root, _owner = owner_with('<primitive id="r"/>')
    assert cib.free_id(root, "r") == "r-1"
    assert cib.free_id(root, "10 % of it") == "_10___of_it"


def test_what_means_the_same_is_described_the_same():
    one = owner_with(
        '<primitive id="r" class="ocf" provider="p" type="t"><operations><op id="x" name="monitor" interval="1"/>'
        '<op id="y" name="start" interval="0"/></operations>'
        '<instance_attributes id="i"><nvpair id="1" name="a" value="1"/>'
        '<nvpair id="2" name="b" value="2"/></instance_attributes></primitive>'
    )[1]
    two = owner_with(
        '<primitive id="r" class="ocf" provider="p" type="t"><meta_attributes id="empty"/>'
        '<instance_attributes id="other"><nvpair id="5" name="b" value="2"/>'
        '<nvpair id="6" name="a" value="1"/></instance_attributes><operations>'
        '<op id="q" name="start" interval="0"/><op id="z" name="monitor" interval="1"/></operations></primitive>'
    )[1]
    assert cib.describe(one) == cib.describe(two)


def test_the_order_of_a_group_matters():
    one = owner_with('<group id="g"><primitive id="a"/><primitive id="b"/></group>')[1]
    two = owner_with('<group id="g"><primitive id="b"/><primitive id="a"/></group>')[1]
    assert cib.describe(one) != cib.describe(two)


def test_descriptions_mask_secrets_unless_compared():
    _root, owner = owner_with(
        '<primitive id="r"><instance_attributes id="i"><nvpair id="1" name="password" value="SECRET"/>'
        "</instance_attributes></primitive>"
    )
    assert "SECRET" not in cib.describe(owner)
    assert "SECRET" in cib.describe(owner, secrets=True)


def test_what_others_write_does_not_count(pair):
    before = cib.describe_configuration(pair, secrets=True)
    constraints = cib.section(pair, "constraints")
    ET.SubElement(constraints, "rsc_location", {"id": "cli-ban-pbx-on-node1", "rsc": "pbx", "node": "node1"})
    ET.SubElement(constraints, "rsc_location", {"id": "drbd-fence-by-handler-pbx", "rsc": "st-clone"})
    properties = cib.section(pair, "crm_config")[0]
    ET.SubElement(properties, "nvpair", {"id": "l", "name": "last-lrm-refresh", "value": "1"})
    node = cib.section(pair, "nodes")[0]
    cib.set_nvpair(pair, node, "instance_attributes", "nodes-1", "standby", "on")
    assert cib.describe_configuration(pair, secrets=True) == before


def test_objects_that_differ_are_named(pair, fixture_text):
    other = cib.parse(fixture_text("cib-3.0.xml"))
    cib.section(other, "constraints").clear()
    properties = cib.section(other, "crm_config")
    cib.set_nvpair(other, properties, "cluster_property_set", "x", "stonith-enabled", "false")
    lines = cib.changed_objects(pair, other)
    assert "~ property stonith-enabled" in lines
    assert "- rsc_order o1" in lines
    assert not [line for line in lines if line.startswith("+")]
