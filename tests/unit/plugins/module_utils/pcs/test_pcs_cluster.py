# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster itself: corosync.conf, authorisation, plans of pcs_cluster."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cluster, corosync
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.cluster import Current
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Result

PARAMS = {
    "name": "lab",
    "nodes": [{"name": "node1", "addresses": ["10.88.0.11"]}, {"name": "node2", "addresses": ["10.88.0.12"]}],
    "hacluster_password": "SECRET",
    "crypto": {"cipher": "aes256", "hash": "sha256"},
    "totem": {"token": 4000, "consensus": 6000},
    "quorum": {"two_node": 1, "wait_for_all": True},
    "quorum_device": {},
    "enable": True,
    "start": True,
    "wait": 0,
}


def wanted(**changes):
    return cluster.desired({**PARAMS, **changes})


@pytest.fixture
def member(fixture_text):
    """A node of the running pair."""
    return Current(
        config=corosync.config(fixture_text("corosync-pair.conf")),
        loaded=cluster.parse_cmap(fixture_text("cmap.txt")),
        known=cluster.parse_known_hosts(fixture_text("known-hosts.json")),
        running=True,
        enabled=True,
    )


# --- reading ------------------------------------------------------------------------------------------------------


def test_the_pairs_corosync_conf(member):
    config = member.config
    assert config.name == "lab"
    assert config.nodes == [
        corosync.Node("node1", ("10.88.0.11",), "1"),
        corosync.Node("node2", ("10.88.0.12",), "2"),
    ]
    assert config.totem["token"] == "4000"
    assert config.quorum["two_node"] == "1"
    assert member.member


def test_debians_corosync_conf_is_no_cluster(fixture_text):
    config = corosync.config(fixture_text("corosync-debian.conf"))
    assert config.placeholder
    assert not Current(config=config).member


def test_links_device_and_comments():
    config = corosync.config(
        """
        # a comment
        totem {
          cluster_name: x
          interface {
            linknumber: 1
            knet_ping_interval: 100
          }
        }
        nodelist {
          node {
            ring0_addr: 192.0.2.1
            ring1_addr: fd00::1
            name: a
          }
        }
        quorum {
          provider: corosync_votequorum
          device {
            model: net
            timeout: 10000
            net {
              host: arbiter
              algorithm: ffsplit
            }
          }
        }
        """
    )
    assert config.nodes == [corosync.Node("a", ("192.0.2.1", "fd00::1"))]
    assert config.links == {"1": {"knet_ping_interval": "100"}}
    assert config.device == {"model": "net", "timeout": "10000"}
    assert config.device_model == {"host": "arbiter", "algorithm": "ffsplit"}


@pytest.mark.parametrize("text", ["totem {", "}", "what is this"])
def test_a_broken_corosync_conf_names_the_place(text):
    with pytest.raises(PcsError, match=r"corosync\.conf"):
        corosync.parse(text)


def test_a_multicast_cluster_without_a_list_of_nodes_is_a_cluster():
    assert not corosync.config("totem {\ninterface {\nbindnetaddr: 192.0.2.0\n}\n}").placeholder


def test_known_hosts(member):
    assert member.known == {"node1": ("10.88.0.11", 2224), "node2": ("10.88.0.12", 2224)}
    assert cluster.parse_known_hosts("") == {}
    assert cluster.parse_known_hosts("broken {") == {}


def test_running_options(member):
    assert member.loaded["token"] == "4000"


# --- plans --------------------------------------------------------------------------------------------------------


def test_the_same_is_nothing_to_do(member):
    assert cluster.plan(member, wanted()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"totem": None, "quorum": None, "crypto": None, "quorum_device": None},
        {"hacluster_password": None},
        {"quorum": {}},
        {"enable": None, "start": None},
    ],
)
def test_what_is_not_declared_is_no_difference(member, changes):
    assert cluster.plan(member, wanted(**changes)) == []


def test_absent_is_authorised_and_set_up():
    auth, setup = cluster.plan(Current(), wanted())
    assert " ".join(auth.argv) == "pcs host auth node1 addr=10.88.0.11 node2 addr=10.88.0.12 -u hacluster"
    assert auth.password
    assert not setup.password
    assert " ".join(setup.argv) == (
        "pcs cluster setup lab node1 addr=10.88.0.11 node2 addr=10.88.0.12 transport knet"
        " crypto cipher=aes256 hash=sha256 totem consensus=6000 token=4000 quorum wait_for_all=1 --enable --start"
    )
    assert "SECRET" not in str([auth, setup])


def test_a_packages_file_goes_first(fixture_text):
    """With it in place `pcs host auth` reports success and saves nothing."""
    current = Current(config=corosync.config(fixture_text("corosync-debian.conf")))
    assert [step.kind for step in cluster.plan(current, wanted())] == ["placeholder", "auth", "setup"]


@pytest.mark.parametrize("recorded", ["corosync-pair.conf", "corosync-pcs-0.10.conf"])
def test_what_pcs_wrote_is_the_declared_cluster(fixture_text, recorded):
    config = corosync.config(fixture_text(recorded))
    assert (config.name, config.placeholder) == ("lab", False)
    same = {"consensus": 6000, "token": int(config.totem["token"])}
    assert cluster.plan(Current(config=config, running=True, enabled=True), wanted(hacluster_password=None, totem=same)) == []


def test_two_links_with_options():
    nodes = [{"name": "a", "addresses": ["1.1.1.1", "2.2.2.1"]}, {"name": "b", "addresses": ["1.1.1.2", "2.2.2.2"]}]
    argv = " ".join(cluster.setup_argv(wanted(nodes=nodes, link_options={"ping_interval": 100}), overwrite=True))
    assert "a addr=1.1.1.1 addr=2.2.2.1 b addr=1.1.1.2 addr=2.2.2.2" in argv
    assert "link linknumber=0 ping_interval=100 link linknumber=1 ping_interval=100" in argv
    assert argv.endswith("--force")


def test_without_password_and_authorisation_it_says_so():
    with pytest.raises(PcsError, match="not authorised for node1, node2"):
        cluster.plan(Current(), wanted(hacluster_password=None))


def test_another_token_changes_in_the_running_cluster(member):
    (step,) = cluster.plan(member, wanted(totem={"token": 5000, "consensus": 6000}))
    assert step.argv == ("pcs", "cluster", "config", "update", "totem", "token=5000")


def test_a_token_becomes_shorter_while_nobody_is_taken_for_dead(member):
    """Corosync would give the links up for longer than the new token: both nodes would have the other fenced."""
    update = ("pcs", "cluster", "config", "update", "totem")
    steps = cluster.plan(member, wanted(totem={"token": 800}))
    assert [step.kind for step in steps] == ["totem", "settle", "totem"]
    assert [step.argv for step in steps] == [(*update, "consensus=10000", "token=800"), (), (*update, "consensus=")]
    # One that is not given is Corosync's own, 3000.
    assert [step.kind for step in cluster.plan(member, wanted(totem={}))] == ["totem", "settle", "totem"]


def test_patience_that_was_declared_stays(member):
    first, settle = cluster.plan(member, wanted(totem={"token": 800, "consensus": 20000}))
    assert first.argv[-2:] == ("consensus=20000", "token=800")
    assert settle.kind == "settle"


def test_patience_that_a_run_left_is_taken_back_by_the_next(member):
    config = replace(member.config, totem={**member.config.totem, "token": "800", "consensus": "10000"})
    left = replace(member, config=config, loaded={**member.loaded, "token": "800", "consensus": "10000"})
    (step,) = cluster.plan(left, wanted(totem={"token": 800}))
    assert step.argv == ("pcs", "cluster", "config", "update", "totem", "consensus=")


def test_a_cluster_that_is_stopped_needs_no_patience(member):
    steps = cluster.plan(replace(member, running=False, loaded={}), wanted(totem={"token": 800}))
    assert [step.kind for step in steps] == ["totem", "start"]


def test_what_has_no_links_waits_for_none(member):
    """Only kronosnet watches its links, and a node alone has none."""
    alone = replace(member.config, nodes=member.config.nodes[:1])
    declared = wanted(totem={"token": 800}, nodes=PARAMS["nodes"][:1], quorum=None)
    assert [step.kind for step in cluster.plan(replace(member, config=alone), declared)] == ["totem"]
    udp = replace(member, config=replace(member.config, transport="udpu"))
    assert [step.kind for step in cluster.plan(udp, wanted(totem={"token": 800}, transport="udpu"))] == ["totem"]


def counted(text, **changes):
    """What Corosync counts, with other numbers for some keys: link to the other node, and regrouping."""
    names = {
        "connected": "knet.node2.link0.connected", "answers": "knet.node2.link0.rx_pong_packets",
        "gathered": "srp.gather_entered", "operational": "srp.operational_entered",
    }  # fmt: skip
    for name, value in changes.items():
        key = re.escape(f"stats.{names[name]}")
        text, count = re.subn(rf"^({key} \(\w+\) = )\d+$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert count == 1
    return Result(0, text, "")


def test_the_counters_of_links_and_regrouping(fixture_text):
    assert cluster.parse_links(fixture_text("cmap-stats.txt")) == cluster.Links({"node2.link0": 2696}, 8, 6)


@pytest.fixture
def looks(monkeypatch, fixture_text):
    """Let Corosync count as given, from look to look, with the last for ever; time passes as somebody waits."""
    clock = [0.0]
    monkeypatch.setattr(cluster.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(cluster.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    text = fixture_text("cmap-stats.txt")

    def play(*changes, members=("joined", "joined")):
        left = [counted(text, **change) for change in changes]
        told = "".join(f"runtime.members.{node}.status (str) = {status}\n" for node, status in enumerate(members, 1))

        def run(argv):
            if argv[-1] == "runtime.members.":
                return Result(0, told, "")
            return left.pop(0) if len(left) > 1 else left[0]

        return run

    return play


@pytest.mark.parametrize("changes", [
    # It holds, from the first look on.
    [{}, {"answers": 2698}, {"answers": 2701}],
    # It is given up, and comes back.
    [{}, {"connected": 0}, {"answers": 2699}, {"answers": 2702}],
    [{"connected": 0}, {"connected": 0}, {"answers": 2699}],
    # Corosync regroups in between.
    [{}, {"answers": 2702, "gathered": 9}, {"answers": 2703, "gathered": 9, "operational": 7}],
])  # fmt: skip
def test_links_that_hold_are_waited_for(looks, changes):
    seen = []
    play = looks(*changes)

    def run(argv):
        seen.append(argv[-1])
        return play(argv)

    assert cluster.wait_links(run).rc == 0
    assert seen.count("stats") == len(changes)


def test_the_only_member_waits_for_no_link(looks):
    """The other's Corosync is stopped: it can be taken for dead by nobody who would have it fenced for that."""
    assert cluster.wait_links(looks({"connected": 0}, members=("joined", "left"))).rc == 0
    # Nobody knows: then it is not taken for alone.
    assert cluster.wait_links(looks({"connected": 0}, members=())).rc == 1


@pytest.mark.parametrize(("changes", "said"), [
    ([{}, {"connected": 0}], "no answers over node2.link0"),
    ([{"connected": 0}], "no answers over any link"),
    ([{}, {"answers": 2700}], "no answers over node2.link0"),
    ([{}, {"answers": 2702, "gathered": 9}], "Corosync still regroups"),
])  # fmt: skip
def test_links_that_do_not_hold_are_named(looks, changes, said):
    result = cluster.wait_links(looks(*changes))
    assert result.rc == 1
    assert said in result.text


def test_a_totem_option_no_longer_declared_is_removed(member):
    (step,) = cluster.plan(member, wanted(totem={"token": 4000}))
    assert step.argv[-1] == "consensus="


def test_a_file_that_corosync_has_not_read_is_loaded(member):
    stale = replace(member, loaded={**member.loaded, "token": "1000"})
    assert [step.kind for step in cluster.plan(stale, wanted())] == ["sync", "reload"]
    assert cluster.plan(replace(stale, running=False, loaded={}), wanted(start=None)) == []


def test_a_shorter_token_that_is_written_and_not_loaded_is_loaded_with_patience(member):
    """A run was cut off before the reload: nobody knows of the shorter token yet but the file."""
    steps = cluster.plan(replace(member, loaded={**member.loaded, "token": "5000"}), wanted())
    assert [step.kind for step in steps] == ["totem", "settle", "totem"]
    assert [step.argv[-1] for step in steps if step.argv] == ["consensus=10000", "consensus=6000"]
    # Cut off in the first step, the patience is in the file already.
    config = replace(member.config, totem={**member.config.totem, "token": "800", "consensus": "10000"})
    steps = cluster.plan(replace(member, config=config), wanted(totem={"token": 800}))
    assert [step.kind for step in steps] == ["sync", "reload", "settle", "totem"]
    assert steps[-1].argv[-1] == "consensus="


def test_an_option_that_was_taken_out_and_is_still_loaded_is_unloaded(member):
    stale = replace(member, loaded={**member.loaded, "consensus": "9000"})
    steps = cluster.plan(stale, wanted())
    assert [step.text for step in steps] == [
        "give corosync.conf to all nodes (consensus)", "load consensus into the running Corosync"
    ]  # fmt: skip
    # Also where the declaration leaves totem as it is: the file is what counts.
    assert [step.kind for step in cluster.plan(stale, wanted(totem=None))] == ["sync", "reload"]


def test_a_switch_is_the_same_as_a_word_and_as_a_number(member):
    config = replace(member.config, totem={**member.config.totem, "block_unlisted_ips": "yes"})
    assert cluster.stale_options(config, {**member.loaded, "block_unlisted_ips": "1"}) == []


def test_a_node_that_is_down_is_started_and_enabled(member):
    steps = cluster.plan(replace(member, running=False, enabled=False, loaded={}), wanted())
    assert [step.argv for step in steps] == [("pcs", "cluster", "enable"), ("pcs", "cluster", "start")]
    assert cluster.plan(replace(member, enabled=True), wanted(enable=False))[0].argv == ("pcs", "cluster", "disable")


def test_a_missing_authorisation_is_renewed(member):
    (step,) = cluster.plan(replace(member, known={"node1": ("10.88.0.11", 2224)}), wanted())
    assert step.argv[:4] == ("pcs", "host", "auth", "node2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "name: lab -> other"),
        ({"nodes": PARAMS["nodes"][:1], "quorum": {"wait_for_all": 1}}, "node node2: in the cluster -> not declared"),
        (
            {"nodes": [*PARAMS["nodes"], {"name": "c", "addresses": ["10.88.0.13"]}], "quorum": None},
            "node c: not in the cluster -> declared",
        ),
        (
            {"nodes": [PARAMS["nodes"][0], {"name": "node2", "addresses": ["10.88.0.99"]}]},
            "addresses of node2: 10.88.0.12 -> 10.88.0.99",
        ),
        ({"crypto": {"cipher": "aes128"}}, "crypto_cipher: aes256 -> aes128"),
        ({"transport": "udpu"}, "transport: knet -> udpu"),
        ({"quorum": {"wait_for_all": 0}}, "quorum wait_for_all: 1 -> 0"),
        ({"link_options": {"ping_interval": 100}}, "link 0 ping_interval: not set -> 100"),
        ({"transport_options": {"ip_version": "ipv6"}}, "ip_version: not set -> ipv6"),
    ],
)
def test_what_needs_the_cluster_stopped_is_refused_and_named(member, changes, message):
    with pytest.raises(PcsError, match=message):
        cluster.plan(member, wanted(**changes))


def test_all_differences_are_named_at_once(member):
    with pytest.raises(PcsError) as caught:
        cluster.plan(member, wanted(name="other", crypto={"cipher": "aes128"}))
    assert "name: lab -> other" in str(caught.value)
    assert "crypto_cipher: aes256 -> aes128" in str(caught.value)


DEVICE = {"host": "arbiter", "algorithm": "ffsplit"}


def with_device(member, **model):
    config = replace(member.config, device={"model": "net"}, device_model={**DEVICE, "tls": "on", **model})
    return replace(member, config=config, known={**member.known, "arbiter": ("arbiter", 2224)})


def test_a_quorum_device_is_authorised_and_added(member):
    auth, add = cluster.plan(member, wanted(quorum_device={**DEVICE, "address": "192.0.2.9"}, quorum=None))
    assert auth.argv[3:5] == ("arbiter", "addr=192.0.2.9")
    assert " ".join(add.argv) == "pcs quorum device add model net algorithm=ffsplit host=arbiter"


def test_a_quorum_device_that_is_there(member):
    assert cluster.plan(with_device(member), wanted(quorum_device=DEVICE, quorum=None)) == []
    assert cluster.plan(with_device(member), wanted(quorum_device=None, quorum=None)) == []


def test_another_algorithm_is_changed(member):
    (step,) = cluster.plan(with_device(member, algorithm="lms"), wanted(quorum_device=DEVICE, quorum=None))
    assert " ".join(step.argv) == "pcs quorum device update model algorithm=ffsplit"


def test_another_host_is_another_device(member):
    steps = cluster.plan(with_device(member, host="old"), wanted(quorum_device=DEVICE, quorum=None))
    assert [step.argv[3] for step in steps] == ["remove", "add"]


def test_a_new_host_that_cannot_be_authorised_costs_no_device(member):
    old = with_device(member, host="old")
    unknown = replace(old, known={name: host for name, host in old.known.items() if name != "arbiter"})
    steps = cluster.plan(unknown, wanted(quorum_device=DEVICE, quorum=None))
    assert [step.argv[2] if step.kind == "auth" else step.argv[3] for step in steps] == ["auth", "remove", "add"]


@pytest.mark.parametrize(("answer", "told"), [(Result(0, "", ""), "the cluster is as it was"), (Result(1, "", "no"), "says no")])
def test_a_new_device_that_cannot_be_added_brings_the_former_back(member, fake, answer, told):
    current = replace(
        with_device(member, host="old"), config=replace(
            with_device(member, host="old").config, device={"model": "net", "timeout": "9000", "votes": "1"},
            device_heuristics={"mode": "on", "exec_ping": "/bin/true"},
        ),
    )  # fmt: skip
    back = "pcs quorum device add timeout=9000 model net algorithm=ffsplit host=old heuristics exec_ping=/bin/true mode=on"
    run = fake({"pcs": Result(0, "", ""), "pcs quorum device add model net": Result(1, "", "Error: no route"), back: answer})
    declared = wanted(quorum_device=DEVICE, quorum=None)
    with pytest.raises(PcsError, match="no route") as failed:
        cluster.apply(run, declared, current, cluster.plan(current, declared), None)
    assert told in str(failed.value)
    assert " ".join(run.calls[-1][0]) == back


def test_a_quorum_device_is_removed(member):
    (step,) = cluster.plan(with_device(member), wanted(quorum_device={}, quorum=None))
    assert step.argv == ("pcs", "quorum", "device", "remove")


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": []},
        {"nodes": [{"name": "a", "addresses": ["1", "2"]}, {"name": "b", "addresses": ["1"]}]},
        {"nodes": [{"name": "a"}, {"name": "a"}]},
        {"totem": {"tokn": 1}},
        {"quorum": {"two_node": 0}},
        {"quorum": {"no-quorum-policy": "ignore"}},
        {"quorum_device": {"host": "arbiter"}},
    ],
)
def test_an_impossible_declaration_is_refused(changes):
    with pytest.raises(PcsError):
        wanted(**changes)


# --- carrying out -------------------------------------------------------------------------------------------------


def test_the_password_is_on_stdin_and_nowhere_else(fake):
    run = fake({"pcs": Result(0, "", ""), "pcs cluster corosync": Result(1, "", "Unable to read")})
    steps = cluster.plan(Current(), wanted())
    cluster.apply(run, wanted(), Current(), steps, "SECRET")
    stdin = {" ".join(argv[:3]): given for argv, given in run.calls}
    assert stdin["pcs host auth"] == "SECRET"
    assert {given for key, given in stdin.items() if key != "pcs host auth"} == {None}
    assert "SECRET" not in str([argv for argv, _given in run.calls])


def test_a_packages_file_on_a_node_is_overwritten(fake, fixture_text):
    debian = Result(0, fixture_text("corosync-debian.conf"), "")
    run = fake({"pcs": Result(0, "", ""), "pcs cluster corosync": debian})
    cluster.apply(run, wanted(), Current(), cluster.plan(Current(), wanted()), "x")
    assert run.calls[-1][0][-1] == "--force"


@pytest.mark.parametrize(("recorded", "more", "words"), [
    ("pcs-0.11.txt", " pcs.yes-to-confirm-commands", ["--yes"]), ("pcs-0.11.txt", "", []), ("pcs-0.10.txt", "", [])
])  # fmt: skip
def test_a_removal_is_confirmed_in_the_words_of_this_pcs(fake, fixture_text, monkeypatch, tmp_path, recorded, more, words):
    current = Current(config=corosync.config(fixture_text("corosync-debian.conf")))
    run = fake({"pcs": Result(0, "", ""), "pcs --version --full": Result(0, fixture_text(recorded) + more, "")})
    run.answers["pcs cluster corosync"] = Result(1, "", "Unable to read")
    monkeypatch.setattr(cluster.refuse_used_placeholder, "__defaults__", (tmp_path / "none",))
    cluster.apply(run, wanted(), current, cluster.plan(current, wanted()), "x")
    assert ["pcs", "cluster", "destroy", *words] in [argv for argv, _stdin in run.calls]


def test_a_used_one_node_cluster_is_never_removed(tmp_path, fixture_text):
    file = tmp_path / "cib.xml"
    file.write_text(fixture_text("cib-3.0.xml"))
    with pytest.raises(PcsError, match="has resources"):
        cluster.refuse_used_placeholder(file)
    cluster.refuse_used_placeholder(tmp_path / "none")


def test_without_files_nothing_is_forced(fake):
    run = fake({"pcs": Result(0, "", ""), "pcs cluster corosync": Result(1, "", "Unable to read")})
    cluster.apply(run, wanted(), Current(), cluster.plan(Current(), wanted()), "x")
    assert "--force" not in run.calls[-1][0]


def test_a_node_of_another_cluster_is_never_taken(fake, fixture_text):
    pair = Result(0, fixture_text("corosync-pair.conf"), "")
    run = fake({"pcs": Result(0, "", ""), "pcs cluster corosync": pair})
    with pytest.raises(PcsError, match="already in the cluster 'lab'"):
        cluster.apply(run, wanted(), Current(), cluster.plan(Current(), wanted()), "x")
    assert not [argv for argv, _stdin in run.calls if "setup" in argv]


def test_a_machine_that_is_installed_anew_is_told_how_it_joins(fake, fixture_text, monkeypatch):
    monkeypatch.setattr(cluster, "hostname", lambda: "node2")
    nodes = [{"name": f"node{number}", "addresses": [f"10.88.0.1{number}", f"10.89.0.1{number}"]} for number in (1, 2)]
    desired = wanted(nodes=nodes, hacluster_user="clusteradmin")
    run = fake({"pcs cluster corosync": Result(0, fixture_text("corosync-pair.conf"), "")})
    with pytest.raises(PcsError) as caught:
        cluster.may_overwrite(run, desired)
    # In this order: the authorisation that node1 has is the old installation's.
    assert (
        "Then on node1: `pcs host auth node2 addr=10.88.0.12 -u clusteradmin`, `pcs cluster node remove node2`,"
        " `pcs cluster node add node2 addr=10.88.0.12 addr=10.89.0.12`, and run this again."
    ) in str(caught.value)


def test_corosync_conf_changes_on_all_nodes_or_on_none(fake, member):
    run = fake(
        {
            "pcs --version --full": Result(0, "0.12.3\ncorosync.config.update\n", ""),
            "pcs cluster corosync node1": Result(0, "", ""),
            "pcs cluster corosync node2": Result(1, "", "Unable to connect to node2"),
        }
    )
    desired = wanted(totem={"token": 1})
    with pytest.raises(PcsError, match="Unable to connect to node2"):
        cluster.apply(run, desired, member, cluster.plan(member, desired), None)


def test_a_pcs_that_cannot_change_it_live_says_what_to_do(fake, member):
    run = fake({"pcs --version --full": Result(0, "0.10.4\ncluster.create\n", "")})
    desired = wanted(totem={"token": 1})
    with pytest.raises(PcsError, match="corosync.config.update"):
        cluster.apply(run, desired, member, cluster.plan(member, desired), None)


def test_waiting_ends_when_all_are_online(fake, fixture_text):
    run = fake({"crm_mon": Result(0, fixture_text("crm_mon-3.0.xml"), "")})
    cluster.wait_online(run, ["node1", "node2"], 5)
    assert len(run.calls) == 1


def test_waiting_has_an_end_and_says_who_is_missing(fake, fixture_text):
    run = fake({"crm_mon": Result(0, fixture_text("crm_mon-3.0.xml"), "")})
    with pytest.raises(PcsError, match="not online: node3"):
        cluster.wait_online(run, ["node1", "node3"], 0)


def test_reading_asks_no_other_node(fake, tmp_path, fixture_text):
    run = fake(
        {
            "systemctl is-active": Result(0, "active\nactive\n", ""),
            "systemctl is-enabled": Result(1, "enabled\ndisabled\n", ""),
            "corosync-cmapctl": Result(0, fixture_text("cmap.txt"), ""),
        }
    )
    conf = tmp_path / "corosync.conf"
    conf.write_text(fixture_text("corosync-pair.conf"))
    current = cluster.read(run, conf, tmp_path / "none")
    assert (current.running, current.enabled, current.member, current.known) == (True, False, True, {})
    assert {argv[0] for argv, _stdin in run.calls} == {"systemctl", "corosync-cmapctl"}
