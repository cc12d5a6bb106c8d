"""Comparing what is on the hosts."""

from __future__ import annotations

from lab import snapshot

CONFIGURATION = """
<configuration>
  <crm_config><cluster_property_set id="opts"><nvpair id="opts-a" name="a" value="1"/></cluster_property_set></crm_config>
  <resources/>
</configuration>
"""


def test_a_clusters_elements_are_entries() -> None:
    assert snapshot.cluster(CONFIGURATION) == {
        ("", "cluster", "opts"): "cluster_property_set",
        ("", "cluster", "opts-a"): "nvpair name=a value=1",
    }


def test_differences_name_what_came_what_went_and_what_changed() -> None:
    one = {("server1", "package", "pcs"): "0.12", ("server1", "unit", "pcsd.service"): "enabled", ("", "cluster", "x"): "a"}
    other = {("server1", "package", "pcs"): "0.12", ("", "cluster", "x"): "b", ("server2", "unit", "new"): "static"}
    assert snapshot.differences(one, other) == [
        "cluster x: a -> b",
        "server1 unit pcsd.service: enabled -> absent",
        "server2 unit new: absent -> static",
    ]


def test_the_same_twice_has_no_differences() -> None:
    assert snapshot.differences(snapshot.cluster(CONFIGURATION), snapshot.cluster(CONFIGURATION)) == []
