"""The repositories from which the roles install on a tree that is taken for EL."""

from __future__ import annotations

from lab import el_packages


def test_a_spec_has_a_package_for_each_name_and_none_for_itself() -> None:
    lines = el_packages.spec("stream", ["mariadb", "mariadb-server"], "10.11", "mariadb:10.11:1:rhel9").splitlines()
    assert "ModularityLabel: mariadb:10.11:1:rhel9" in lines
    assert [line for line in lines if line.startswith("%files")] == ["%files -n mariadb", "%files -n mariadb-server"]
    assert "Version: 10.11" in lines


def test_a_spec_of_no_module_has_no_label() -> None:
    assert "ModularityLabel" not in el_packages.spec("crb", ["jansson-devel"], "1")


def test_what_el_ships_disabled_is_disabled() -> None:
    assert "enabled=0" in el_packages.repo("crb", el_packages.SHIPPED["crb"]).splitlines()
    assert "enabled=1" in el_packages.repo("appstream", el_packages.SHIPPED["appstream"]).splitlines()


def test_packages_lie_where_they_were_seen_and_else_where_not_everybody_looks() -> None:
    found = el_packages.by_repository(
        {"pcs": {"repository": "HighAvailability"}, "tar": {"repository": "BaseOS"}, "sqlite-devel": {"repository": "unknown"}}
    )
    assert found == {"baseos": ["tar"], "appstream": [], "crb": ["sqlite-devel"], "highavailability": ["pcs"], "elrepo": []}
