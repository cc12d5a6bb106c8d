"""What the roles would do on EL 9 and 10, where nothing of this has ever run: rendered with recorded facts and judged.

`recorded/` has the facts, and which packages, units and repositories these systems have, each with its source.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
import rendering
import yaml
from ansible.module_utils import distro
from ansible.module_utils.facts.system import distribution
from test_supported_systems import judged

RECORDED = Path(__file__).parent / "recorded"
RELEASES = yaml.safe_load((RECORDED / "releases.yml").read_text())
PACKAGES = yaml.safe_load((RECORDED / "packages.yml").read_text())
FACTS = {release: yaml.safe_load((RECORDED / f"{release}.yml").read_text()) for release in ("el9", "el10")}

EACH = pytest.mark.parametrize("release", FACTS)
EACH_ROLE = pytest.mark.parametrize("role", rendering.ROLES)

#: What the inventory leaves to the vault, and what a task would have learnt before: NetworkManager runs, DRBD is 9.
GIVEN = {
    **{f"vault_{name}": "made-up-0000" for name in ("hacluster", "fence_pbx1", "fence_pbx2", "mariadb_replication")},
    **{f"vault_sip_office_{number}": "made-up-0000" for number in (100, 101)},
    **{f"vault_voicemail_office_{number}": "258036" for number in (100, 101)},
    "inventory_hostname": "pbx1",
    "asterisk_source_checksum": "sha256:" + 64 * "0",
    "centos_base_time_servers": ["192.0.2.1"],
    "centos_base_static_addresses": [
        {"interface": "eth0", "addresses": ["192.0.2.11/24"], "gateway": "192.0.2.1", "dns": ["192.0.2.1"]}
    ],
    "drbd_elrepo_baseurl": "https://elrepo.example/elrepo/el$releasever/x86_64/",
    "__centos_base_network": {"stdout_lines": ["active", "inactive"]},
    "__drbd_found": {"resource": {"version": "9.1.22", "up": True, "disk": "/dev/sdz"}},
}
#: Known only while a playbook runs, whatever the role.
AT_RUNTIME = {"hostvars", "item"}

PACKAGE_MODULES = {"ansible.builtin.package", "ansible.builtin.dnf"}
SERVICE_MODULES = {"ansible.builtin.service", "ansible.builtin.systemd_service"}
#: Where Debian has what EL has elsewhere.
DEBIANS = re.compile(
    r"/etc/mysql|/run/mysqld|/etc/chrony/|/etc/default/|/etc/apt|/etc/network/|x86_64-linux-gnu|dpkg|apt-get|debconf|libmaodbc\.so"
)


@functools.cache
def rendered(release: str) -> dict[str, list[rendering.Action]]:
    """Return what each role would do, rendered once for all tests."""
    return rendering.all_actions(FACTS[release], GIVEN)


def actions(role: str, release: str) -> list[rendering.Action]:
    """Return what a role would do."""
    return rendered(release)[role]


def named(role: str, release: str, modules: set[str]) -> list[str]:
    """Return the names that a role gives to some modules."""
    return [
        name for action in actions(role, release) if action.module in modules for name in rendering.listed(action.arguments["name"])
    ]


@pytest.mark.parametrize("release", RELEASES, ids=[release["name"] for release in RELEASES])
def test_ansible_tells_each_release_as_the_roles_expect(
    release: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ansible's own code reads the release's files; with what it finds, the first role begins."""
    files = {"/etc/os-release": release["os_release"], "/etc/redhat-release": release["redhat_release"] + "\n"}
    (tmp_path / "os-release").write_text(release["os_release"])
    (tmp_path / "redhat-release").write_text(files["/etc/redhat-release"])
    found = distro.LinuxDistribution(
        include_lsb=False, os_release_file=str(tmp_path / "os-release"), distro_release_file=str(tmp_path / "redhat-release"),
        include_uname=False,
    )  # fmt: skip
    monkeypatch.setattr(distro.distro, "_distro", found)
    monkeypatch.setattr(distribution, "_file_exists", lambda path, allow_empty=False: path in files)
    monkeypatch.setattr(distribution, "get_file_content", lambda path, default=None, strip=True: files.get(path, default))
    facts = distribution.Distribution(module=None).get_distribution_facts()
    assert (facts["distribution"], facts["distribution_major_version"]) == (release["distribution"], release["major"])
    assert facts["os_family"] == "RedHat"
    assert judged(facts["distribution"], facts["distribution_major_version"])[0]


@EACH
@EACH_ROLE
def test_all_that_a_role_needs_is_known_or_learnt_by_it(role: str, release: str) -> None:
    missing = {
        name
        for action in actions(role, release)
        for name in (*rendering.unknown(action.arguments), *rendering.unknown(action.text))
    }
    assert missing <= rendering.learnt(role) | AT_RUNTIME
    assert [action.name for action in actions(role, release) if isinstance(action.text, rendering.NotKnown)] == []


@EACH
@EACH_ROLE
def test_the_packages_are_in_the_release_and_in_a_repository_that_is_enabled(role: str, release: str) -> None:
    enabled = {"BaseOS", "AppStream"}
    streams = {name: {"repository": "AppStream"} for name in PACKAGES["streams"][release]}
    known = {**PACKAGES[release], **streams}
    for action in actions(role, release):
        if action.module == "community.general.dnf_config_manager":
            enabled |= {PACKAGES["repositories"][name] for name in rendering.listed(action.arguments["name"])}
            # Which of the three has it was not to be seen; all are enabled now.
            enabled |= {"unknown"} if "CRB" in enabled else set()
        elif action.module == "ansible.builtin.yum_repository":
            enabled.add("ELRepo")
        elif action.module in PACKAGE_MODULES:
            names = action.arguments["name"]
            recorded = {name: known.get(name, {}).get("repository", "nowhere") for name in names}
            assert {name: repository for name, repository in recorded.items() if repository not in enabled} == {}


@EACH
def test_some_packages_were_looked_at(release: str) -> None:
    assert len({name for role in rendering.ROLES for name in named(role, release, PACKAGE_MODULES)}) > 40


@EACH
@EACH_ROLE
def test_nothing_is_done_the_way_of_debian(role: str, release: str) -> None:
    assert [action.name for action in actions(role, release) if action.module == "ansible.builtin.apt"] == []
    said = [
        (action.name, match.group())
        for action in actions(role, release)
        # What is said to a person may name both; the agents have a default, and are told (below).
        if action.module not in {"ansible.builtin.assert", "ansible.builtin.fail"}
        if action.arguments.get("root") != "/usr/lib/ocf"
        for text in (*rendering.strings(action.arguments), *rendering.strings(action.text or ""))
        if (match := DEBIANS.search(text))
    ]
    assert said == []


@EACH
@EACH_ROLE
def test_the_units_are_those_of_the_release(role: str, release: str) -> None:
    units = {name.removesuffix(".service") for name in named(role, release, SERVICE_MODULES)}
    assert units <= set(PACKAGES["units"]) | {"asterisk", "call-records"}


@EACH
def test_configuration_goes_where_the_release_reads_it(release: str) -> None:
    written = {
        str(action.arguments[key])
        for role in rendering.ROLES
        for action in actions(role, release)
        for key in ("dest", "path", "root")
        if key in action.arguments and action.module != "ansible.builtin.assert"
    }
    assert set(PACKAGES["paths"]["written"]) <= written


@EACH
def test_the_database_is_told_the_paths_of_the_release(release: str) -> None:
    config = next(
        action.arguments["files"]["zz-dialtone-pbx.cnf"] for action in actions("mariadb_mm_replication", release)
        if action.arguments.get("root") == "/etc/my.cnf.d"
    )  # fmt: skip
    assert "/etc/my.cnf.d/pbx-cert.pem" in config


@EACH
def test_the_driver_and_the_socket_are_those_of_the_release(release: str) -> None:
    block = next(action for action in actions("odbc_cdr", release) if action.arguments.get("path") == "/etc/odbc.ini")
    lines = re.sub(" *= *", " = ", str(block.arguments["block"])).splitlines()
    assert f"Driver = {PACKAGES['paths']['odbc_driver']}" in lines
    assert [line for line in lines if line.lower() == f"socket = {PACKAGES['paths']['mariadb_socket']}"] != []


@EACH
@pytest.mark.parametrize(
    ("distribution", "given", "expected"),
    [
        ("Rocky", {}, {"crb", "highavailability"}),
        ("AlmaLinux", {}, {"crb", "highavailability"}),
        ("RedHat", {}, {"codeready-builder-for-rhel-{n}-x86_64-rpms", "rhel-{n}-for-x86_64-highavailability-rpms"}),
        (
            "RedHat",
            {"asterisk_source_repository": "codeready-builder-for-rhel-{n}-rhui-rpms", "pacemaker_cluster_repository": "mine"},
            {"codeready-builder-for-rhel-{n}-rhui-rpms", "mine"},
        ),
    ],
)
def test_the_repositories_are_called_as_the_distribution_calls_them(
    release: str, distribution: str, given: dict[str, str], expected: set[str]
) -> None:
    facts = {**FACTS[release], "distribution": distribution}
    number = facts["distribution_major_version"]
    found = rendering.all_actions(facts, {**GIVEN, **{name: text.format(n=number) for name, text in given.items()}})
    enabled = {
        action.arguments["name"]
        for role in found.values()
        for action in role
        if action.module == "community.general.dnf_config_manager"
    }
    assert enabled == {name.format(n=number) for name in expected}
