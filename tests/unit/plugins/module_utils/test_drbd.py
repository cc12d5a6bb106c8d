"""DRBD's state is read from what the tools really print, and a plan never costs data.

Recorded: dump-md and get-gi of drbd-utils 9.22 (its programs for 8.4 and for 9) and wipefs of util-linux 2.38, on loop
devices. Constructed after the sources of drbd-utils, as no kernel module was at hand: events2, status --json.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _drbd as drbd
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import (
    Desired,
    DrbdError,
    Metadata,
    Peer,
    Result,
    State,
    Status,
)

PROC_84 = """version: 8.4.11 (api:1/proto:86-101)
srcversion: 7A4F2B0D2A3D5F1B6A5C1F0
 0: cs:Connected ro:Secondary/Secondary ds:Inconsistent/Inconsistent C r-----
"""
PROC_9 = """version: 9.2.14 (api:2/proto:86-122)
GIT-hash: 0000000000000000000000000000000000000000 build by @buildsystem, 2025-05-05 09:19:17
Transports (api:21): tcp (9.2.14)
"""

EVENTS_84 = """exists resource name:pbx role:Primary suspended:no
exists connection name:pbx peer-node-id:0 conn-name:peer connection:Connected role:Secondary
exists device name:pbx volume:0 minor:0 disk:UpToDate
exists peer-device name:pbx peer-node-id:0 conn-name:peer volume:0 \
replication:Established peer-disk:UpToDate resync-suspended:no
exists -
"""
EVENTS_84_SYNC = """exists resource name:pbx role:Secondary suspended:no-data,fencing
exists connection name:pbx peer-node-id:0 conn-name:peer connection:Connected role:Primary
exists device name:pbx volume:0 minor:3 disk:Inconsistent
exists peer-device name:pbx peer-node-id:0 conn-name:peer volume:0 \
replication:SyncTarget peer-disk:UpToDate resync-suspended:no done:41.27
exists -
"""
# After `drbdadm disconnect` 8.4 has no connection object any more.
EVENTS_84_ALONE = """exists resource name:pbx role:Primary suspended:no
exists device name:pbx volume:0 minor:0 disk:UpToDate
exists -
"""

STATUS_9 = """[
{
  "name": "other",
  "node-id": 0,
  "role": "Secondary",
  "suspended": false,
  "devices": [ { "volume": 0, "minor": 7, "disk-state": "Failed" } ],
  "connections": []
},
{
  "name": "pbx",
  "node-id": 0,
  "role": "Primary",
  "suspended": false,
  "suspended-user": false,
  "suspended-no-data": false,
  "suspended-fencing": false,
  "suspended-quorum": false,
  "force-io-failures": false,
  "write-ordering": "flush",
  "devices": [
    {
      "volume": 0,
      "minor": 0,
      "disk-state": "UpToDate",
      "client": false,
      "open": true,
      "quorum": true,
      "size": 524236,
      "read": 4102,
      "written": 66101,
      "al-writes": 14,
      "bm-writes": 0,
      "upper-pending": 0,
      "lower-pending": 0
    } ],
  "connections": [
    {
      "peer-node-id": 1,
      "name": "server2",
      "connection-state": "Connected",
      "congested": false,
      "peer-role": "Secondary",
      "tls": false,
      "ap-in-flight": 0,
      "rs-in-flight": 0,
      "peer_devices": [
        {
          "volume": 0,
          "replication-state": "Established",
          "peer-disk-state": "UpToDate",
          "peer-client": false,
          "resync-suspended": "no",
          "received": 0,
          "sent": 66101,
          "out-of-sync": 0,
          "pending": 0,
          "unacked": 0,
          "has-sync-details": false,
          "has-online-verify-details": false,
          "percent-in-sync": 100.00
        } ]
    } ]
}
]
"""

DUMP_84 = """# DRBD meta data dump
# 2026-11-23 05:37:38 +0000 [1795412258]
# server1> drbdmeta 0 v08 /dev/loop0 internal dump-md
#

version "v08";

# md_size_sect 80
# md_offset 67104768
# al_offset 67072000
# bm_offset 67067904

uuid {
    0x0000000000000004; 0x0000000000000000; 0x0000000000000000; 0x0000000000000000;
    flags 0x00000000;
}
# al-extents 257;
la-size-sect 0;
bm-byte-per-bit 4096;
device-uuid 0x1E1491F1A9A299D5;
la-peer-max-bio-size 0;
al-stripes 1;
al-stripe-size-4k 8;
# bm-bytes 0;
bm {
}
# bits-set 0;
"""
DUMP_9 = """# DRBD meta data dump
# 2026-11-23 05:37:39 +0000 [1795412259]
# server1> drbdmeta 0 v09 /dev/loop0 internal dump-md
#

version "v09";

max-peers 1;
# md_size_sect 80
# md_offset 67104768
# al_offset 67072000
# bm_offset 67067904

node-id -1;
current-uuid 0x0000000000000004;
flags 0x00000080;
peer[0] {
    bitmap-index -1;
    bitmap-uuid 0x0000000000000000;
    bitmap-dagtag 0x0000000000000000;
    flags 0x00000000;
}
"""
NO_METADATA = Result(1, "", "No valid meta data found\n")
UNCLEAN = Result(1, "", 'Found meta data is "unclean", please apply-al first\n')
BUSY = Result(20, "", "open(/dev/loop0) failed: Device or resource busy\n")
GI_NEW_84 = "0000000000000004:0000000000000000:0000000000000000:0000000000000000:0:0:0:0:0:0:0\n"
GI_NEW_9 = "0000000000000004:0000000000000000:0000000000000000:0000000000000000:0:0:0:0:1:0:0:0:0:0:0:0\n"
GI_USED = "9C2E1A6B6C1DD2F5:0000000000000000:8F5A3D1CDEADBEE4:0000000000000004:1:1:0:1:0:0:0\n"

WIPEFS_BLANK = '{\n   "signatures": [\n\n   ]\n}\n'
WIPEFS_DRBD = '{"signatures": [{"device": "loop0", "offset": "0x3fff03c", "type": "drbd"}]}'
#: Whether the beginning is zero.
BEGINNING = "cmp --quiet --bytes=69632 /dev/vdb /dev/zero"
WIPEFS_BOTH = """{
   "signatures": [
      {
         "device": "loop0",
         "offset": "0x3fff03c",
         "type": "drbd",
         "uuid": null,
         "label": null
      },{
         "device": "loop0",
         "offset": "0x438",
         "type": "ext4",
         "uuid": "4c174db6-68bb-4f7e-8d7c-30d45c7f08be",
         "label": null
      }
   ]
}
"""

USED = 0x9C2E1A6B6C1DD2F5
CONNECTED_NEW = Status(
    "Secondary", "Inconsistent", 0, (Peer("peer", "Connected", "Secondary", "Established", "Inconsistent"),)
)
HEALTHY = Status("Primary", "UpToDate", 0, (Peer("peer", "Connected", "Secondary", "Established", "UpToDate"),))

BLANK = State("pbx", (8, 4, 11), "/dev/vdb", None, Metadata("absent"), ())
NEW_DOWN = replace(BLANK, metadata=Metadata("clean", 4), signatures=("drbd",))
NEW_UP = replace(NEW_DOWN, status=CONNECTED_NEW)
IN_SERVICE = State("pbx", (8, 4, 11), "/dev/vdb", HEALTHY, Metadata("clean", USED), ("drbd", "ext4"))
FORMAT = Desired("formatted", peer_new=True)


def commands(state: State, desired: Desired) -> list[str]:
    return [" ".join(action.argv) for action in drbd.plan(state, desired)]


class Host:
    """Answers commands as a host would, and remembers them. An unknown command fails the test."""

    def __init__(self, answers: dict[str, Result | str]) -> None:
        self.answers = answers
        self.ran: list[str] = []

    def __call__(self, argv: list[str], stdin: str | None = None) -> Result:
        command = " ".join(argv)
        self.ran.append(command)
        answer = self.answers[command]
        return answer if isinstance(answer, Result) else Result(0, answer, "")


# --- reading


@pytest.mark.parametrize(("text", "version"), [(PROC_84, (8, 4, 11)), (PROC_9, (9, 2, 14)), ("", None)])
def test_version_is_that_of_the_loaded_module(text: str, version: tuple[int, ...] | None) -> None:
    assert drbd.parse_version(text) == version


def test_events2_of_8_4() -> None:
    assert drbd.parse_events2(EVENTS_84, "pbx") == HEALTHY


def test_events2_while_synchronising() -> None:
    assert drbd.parse_events2(EVENTS_84_SYNC, "pbx") == Status(
        role="Secondary",
        disk="Inconsistent",
        minor=3,
        peers=(Peer("peer", "Connected", "Primary", "SyncTarget", "UpToDate", 41.27),),
        suspended=("no-data", "fencing"),
    )


def test_events2_of_another_resource_is_not_ours() -> None:
    assert drbd.parse_events2(EVENTS_84.replace("name:pbx", "name:pbx2"), "pbx") is None
    assert drbd.parse_events2("exists -\n", "pbx") is None


def test_status_json_of_9() -> None:
    assert drbd.parse_status_json(STATUS_9, "pbx") == replace(
        HEALTHY, peers=(replace(HEALTHY.peers[0], name="server2"),)
    )
    assert drbd.parse_status_json(STATUS_9, "nosuch") is None
    assert drbd.parse_status_json("", "pbx") is None


def test_status_json_says_why_it_is_suspended_and_how_far_it_is() -> None:
    resources: list[dict[str, Any]] = json.loads(STATUS_9)
    resources[1].update({"suspended": True, "suspended-fencing": True})
    volume = resources[1]["connections"][0]["peer_devices"][0]
    volume.update({"replication-state": "SyncSource", "has-sync-details": True, "percent-in-sync": 12.5})
    status = drbd.parse_status_json(json.dumps(resources), "pbx")
    assert status is not None
    assert status.suspended == ("fencing",)
    assert status.peers[0].done == 12.5


@pytest.mark.parametrize(
    ("result", "metadata"),
    [
        (Result(0, DUMP_84, ""), Metadata("clean", 4)),
        (Result(0, DUMP_9, ""), Metadata("clean", 4)),
        (Result(0, DUMP_84.replace("0x0000000000000004;", "0x9C2E1A6B6C1DD2F5;", 1), ""), Metadata("clean", USED)),
        (NO_METADATA, Metadata("absent")),
        (UNCLEAN, Metadata("unclean")),
        (BUSY, Metadata("unknown", detail="open(/dev/loop0) failed: Device or resource busy")),
        (Result(1, "", ""), Metadata("unknown")),
        # Only a failure that says so means absent.
        (Result(0, "No valid meta data found\n", ""), Metadata("unknown", detail="No valid meta data found")),
    ],
)
def test_the_words_of_dump_md_decide_and_not_its_exit_code(result: Result, metadata: Metadata) -> None:
    assert drbd.parse_dump_md(result) == metadata


@pytest.mark.parametrize(
    ("text", "uuid", "new"),
    [(GI_NEW_84, 4, True), (GI_NEW_9, 4, True), (GI_USED, USED, False), ("", None, False)],
)
def test_new_metadata_is_known_by_its_uuid(text: str, uuid: int | None, new: bool) -> None:
    assert drbd.parse_gi(text) == uuid
    assert Metadata("clean", drbd.parse_gi(text)).new is new


@pytest.mark.parametrize(
    ("result", "signatures"),
    [
        (Result(0, WIPEFS_BLANK, ""), ()),
        (Result(0, "", ""), ()),
        (Result(0, WIPEFS_BOTH, ""), ("drbd", "ext4")),
        (Result(1, "", "wipefs: error: /dev/vdb: probing initialization failed: No such file or directory"), None),
    ],
)
def test_a_device_that_cannot_be_read_is_not_a_blank_one(result: Result, signatures: tuple[str, ...] | None) -> None:
    assert drbd.parse_signatures(result) == signatures


def test_without_the_module_nothing_more_is_asked() -> None:
    host = Host({"cat /proc/drbd": Result(1, "", "cat: /proc/drbd: No such file or directory")})
    assert drbd.read_state(host, "pbx") == State("pbx", None)
    assert host.ran == ["cat /proc/drbd"]


def test_read_a_resource_in_service_with_8_4() -> None:
    host = Host(
        {
            "cat /proc/drbd": PROC_84,
            "drbdadm sh-ll-dev pbx": "/dev/vdb\n",
            "drbdsetup events2 --now pbx": EVENTS_84,
            "drbdadm get-gi pbx": GI_USED,
            "blockdev --flushbufs /dev/vdb": "",
            "wipefs --no-act --json /dev/vdb": WIPEFS_BOTH,
        }
    )
    assert drbd.read_state(host, "pbx") == IN_SERVICE


def test_read_a_blank_disk_with_9() -> None:
    host = Host(
        {
            "cat /proc/drbd": PROC_9,
            "drbdadm sh-ll-dev pbx": "/dev/vdb\n",
            "drbdsetup status pbx --json": Result(10, "", "pbx: No such resource"),
            "drbdadm dump-md pbx": NO_METADATA,
            "wipefs --no-act --json /dev/vdb": WIPEFS_BLANK,
            BEGINNING: "",
        }
    )
    assert drbd.read_state(host, "pbx") == replace(BLANK, kernel=(9, 2, 14))


@pytest.mark.parametrize(
    ("recognised", "beginning", "signatures"),
    [
        (WIPEFS_BLANK, Result(0, "", ""), ()),
        # After `wipefs --all`: two bytes are gone, and create-md would ask.
        (WIPEFS_BLANK, Result(1, "", ""), (drbd.REMAINS,)),
        (WIPEFS_BLANK, Result(2, "", "cmp: /dev/vdb: Input/output error"), None),
        (WIPEFS_DRBD, Result(0, "", ""), ("drbd",)),
        (WIPEFS_DRBD, Result(1, "", ""), ("drbd", drbd.REMAINS)),
        (WIPEFS_BOTH, None, ("drbd", "ext4")),
        (Result(1, "", "wipefs: error: /dev/vdb: probing initialization failed"), None, None),
    ],
)
def test_a_disk_is_blank_when_nothing_is_recognised_and_its_beginning_is_zero(
    recognised: str | Result, beginning: Result | None, signatures: tuple[str, ...] | None
) -> None:
    host = Host({"wipefs --no-act --json /dev/vdb": recognised, **({BEGINNING: beginning} if beginning else {})})
    assert drbd.read_signatures(host, "/dev/vdb") == signatures


def test_metadata_of_a_detached_or_crashed_disk_is_read_from_the_disk() -> None:
    host = Host(
        {
            "cat /proc/drbd": PROC_84,
            "drbdadm sh-ll-dev pbx": "/dev/vdb\n",
            "drbdsetup events2 --now pbx": EVENTS_84.replace("disk:UpToDate", "disk:Diskless", 1),
            "drbdadm dump-md pbx": UNCLEAN,
            "drbdadm get-gi pbx": GI_USED,
            "blockdev --flushbufs /dev/vdb": "",
            "wipefs --no-act --json /dev/vdb": WIPEFS_BOTH,
        }
    )
    state = drbd.read_state(host, "pbx")
    assert state.metadata == Metadata("unclean", USED)
    assert state.status is not None
    assert state.status.disk == "Diskless"


# --- deciding: present


def test_a_blank_disk_gets_metadata_without_force_and_comes_up() -> None:
    assert commands(BLANK, Desired("present")) == ["drbdadm create-md pbx", "drbdadm up pbx"]


def test_a_run_that_was_cut_off_after_create_md_goes_on() -> None:
    assert commands(NEW_DOWN, Desired("present")) == ["drbdadm up pbx"]


@pytest.mark.parametrize(
    "state",
    [
        IN_SERVICE,
        NEW_UP,
        # The cluster took it down (a node on standby): it stays down.
        replace(IN_SERVICE, status=None),
        # The host crashed; DRBD repairs the metadata when the cluster takes it up.
        replace(IN_SERVICE, status=None, metadata=Metadata("unclean", USED)),
        replace(IN_SERVICE, status=None, metadata=Metadata("unclean", None)),
        # Detached after an I/O error.
        replace(IN_SERVICE, status=replace(HEALTHY, disk="Diskless")),
    ],
)
def test_present_leaves_a_disk_with_metadata_alone(state: State) -> None:
    assert drbd.plan(state, Desired("present")) == []


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (State("pbx", None), "modprobe drbd"),
        (State("pbx", (8, 4, 11)), "no resource pbx for this host"),
        (replace(BLANK, signatures=("ext4",)), "not blank: it holds ext4"),
        (replace(BLANK, signatures=("gpt", "PMBR")), "not blank: it holds gpt, PMBR"),
        (replace(BLANK, signatures=("drbd",)), "does not read"),
        (replace(BLANK, signatures=("drbd", "ext4")), "does not read"),
        (replace(BLANK, signatures=None), "not proven blank"),
        (replace(BLANK, metadata=Metadata("unknown", detail="Device or resource busy")), "Device or resource busy"),
        # Up on the peer's disk alone, with a replaced local one that is not blank.
        (replace(BLANK, signatures=("ext4",), status=replace(HEALTHY, disk="Diskless")), "not blank: it holds ext4"),
        (replace(BLANK, signatures=(drbd.REMAINS,)), "dd if=/dev/zero of=/dev/vdb"),
        # Nobody has the data now, or the disk is still in use.
        (replace(BLANK, status=replace(HEALTHY, disk="Diskless", peers=(Peer("peer", "Connecting"),))), "peer Connecting"),
        (replace(BLANK, status=replace(HEALTHY, disk="Diskless", peers=())), "no peer"),
        (replace(BLANK, status=replace(HEALTHY, disk="Failed")), "disk Failed, peer Connected, UpToDate"),
    ],
)
@pytest.mark.parametrize("wanted", ["present", "up"])
def test_nothing_is_written_to_what_is_not_proven_blank(state: State, message: str, wanted: str) -> None:
    with pytest.raises(DrbdError, match=message):
        drbd.plan(state, Desired(wanted))


def test_a_changed_configuration_is_followed_only_by_a_resource_that_is_up() -> None:
    assert commands(IN_SERVICE, Desired("present", adjust=True)) == ["drbdadm adjust pbx"]
    assert commands(replace(IN_SERVICE, status=None), Desired("present", adjust=True)) == []


def test_a_replaced_disk_is_attached_while_the_service_goes_on_over_the_peers() -> None:
    replaced = replace(BLANK, status=replace(HEALTHY, disk="Diskless"))
    assert commands(replaced, Desired("present")) == ["drbdadm create-md pbx", "drbdadm attach pbx"]


# --- deciding: formatted


def test_two_new_connected_disks_are_declared_equal_and_formatted() -> None:
    assert commands(NEW_UP, Desired("formatted", mkfs_options=("-m", "0"), peer_new=True)) == [
        "drbdadm new-current-uuid --clear-bitmap pbx/0",
        "drbdadm primary pbx",
        "mkfs.ext4 -q -E nodiscard -m 0 /dev/drbd0",
        "udevadm settle --timeout=60",
        "drbdadm secondary pbx",
    ]


def test_the_device_formatted_is_the_replicated_one_and_never_the_backing_one() -> None:
    state = replace(NEW_UP, status=replace(CONNECTED_NEW, minor=5))
    made = [action.argv for action in drbd.plan(state, replace(FORMAT, fstype="xfs")) if "mkfs.xfs" in action.argv]
    assert made == [("mkfs.xfs", "-q", "-K", "/dev/drbd5")]


def test_formatted_stays_formatted() -> None:
    assert drbd.plan(IN_SERVICE, FORMAT) == []
    assert drbd.plan(replace(IN_SERVICE, status=None), FORMAT) == []


@pytest.mark.parametrize(
    "peer",
    [
        Peer("peer", "Connected", "Primary", "SyncTarget", "UpToDate", 3.0),
        Peer("peer", "Connected", "Secondary", "WFBitMapT", "UpToDate"),
        Peer("peer", "Connected", "Secondary", "Established", "Consistent"),
    ],
)
def test_a_new_disk_is_not_formatted_when_the_peer_has_data(peer: Peer) -> None:
    assert drbd.plan(replace(NEW_UP, status=replace(CONNECTED_NEW, peers=(peer,))), FORMAT) == []


@pytest.mark.parametrize(
    ("state", "desired", "message"),
    [
        (NEW_DOWN, FORMAT, "not up"),
        (NEW_UP, Desired("formatted", peer_new=False), "peer did not report"),
        (replace(NEW_UP, signatures=("drbd", "ext4")), FORMAT, "holds ext4 under new DRBD metadata"),
        (replace(NEW_UP, signatures=None), FORMAT, "could not be read"),
        (replace(NEW_UP, status=replace(CONNECTED_NEW, peers=())), FORMAT, "no peer"),
        (replace(NEW_UP, status=replace(CONNECTED_NEW, role="Primary")), FORMAT, "role Primary"),
        (replace(NEW_UP, status=replace(CONNECTED_NEW, disk="UpToDate")), FORMAT, "disk UpToDate"),
        (replace(NEW_UP, status=replace(CONNECTED_NEW, peers=(Peer("peer", "Connecting"),))), FORMAT, "Connecting"),
        (replace(IN_SERVICE, signatures=("drbd", "xfs")), FORMAT, "holds xfs and not ext4"),
        (replace(IN_SERVICE, signatures=("drbd",)), FORMAT, "has no file system"),
        (NEW_UP, replace(FORMAT, fstype="btrfs"), "not supported"),
    ],
)
def test_the_first_synchronisation_is_not_skipped_on_a_doubt(state: State, desired: Desired, message: str) -> None:
    with pytest.raises(DrbdError, match=message):
        drbd.plan(state, desired)


# --- deciding: up, down, absent


def test_up() -> None:
    assert commands(replace(IN_SERVICE, status=None), Desired("up")) == ["drbdadm up pbx"]
    assert commands(BLANK, Desired("up")) == ["drbdadm create-md pbx", "drbdadm up pbx"]
    assert commands(NEW_DOWN, Desired("up")) == ["drbdadm up pbx"]
    assert drbd.plan(IN_SERVICE, Desired("up")) == []


def test_down() -> None:
    standby = replace(IN_SERVICE, status=replace(HEALTHY, role="Secondary"))
    assert commands(standby, Desired("down")) == ["drbdadm down pbx"]
    assert drbd.plan(replace(IN_SERVICE, status=None), Desired("down")) == []
    with pytest.raises(DrbdError, match="in service"):
        drbd.plan(IN_SERVICE, Desired("down"))


def test_absent_needs_to_be_confirmed_and_spares_a_resource_in_service() -> None:
    standby = replace(IN_SERVICE, status=replace(HEALTHY, role="Secondary"))
    with pytest.raises(DrbdError, match="wipe_data"):
        drbd.plan(standby, Desired("absent"))
    with pytest.raises(DrbdError, match="in service"):
        drbd.plan(IN_SERVICE, Desired("absent", wipe_data=True))
    assert commands(standby, Desired("absent", wipe_data=True)) == ["drbdadm down pbx", "drbdadm wipe-md --force pbx"]
    assert drbd.plan(BLANK, Desired("absent")) == []


# --- doing


def test_the_diff_shows_what_the_plan_does() -> None:
    assert drbd.describe(BLANK) == {"metadata": "absent", "up": False, "contents": []}
    assert drbd.expected(BLANK, drbd.plan(BLANK, Desired("present"))) == {"metadata": "new", "up": True, "contents": []}
    assert drbd.expected(NEW_UP, drbd.plan(NEW_UP, FORMAT)) == {"metadata": "clean", "up": True, "contents": ["ext4"]}


def test_a_failure_takes_back_the_role_and_says_what_was_done() -> None:
    host = Host(
        {
            "drbdadm new-current-uuid --clear-bitmap pbx/0": "",
            "drbdadm primary pbx": "",
            "mkfs.ext4 -q -E nodiscard /dev/drbd0": Result(1, "", "mkfs.ext4: Input/output error"),
            "drbdadm secondary pbx": "",
        }
    )
    with pytest.raises(DrbdError) as caught:
        drbd.apply(host, drbd.plan(NEW_UP, FORMAT))
    assert host.ran[-1] == "drbdadm secondary pbx"
    assert "`mkfs.ext4 -q -E nodiscard /dev/drbd0` failed with exit code 1: mkfs.ext4: Input/output error" in str(caught.value)
    assert "Done before: drbdadm new-current-uuid --clear-bitmap pbx/0, drbdadm primary pbx" in str(caught.value)
    assert "Taken back with: drbdadm secondary pbx" in str(caught.value)


def test_apply_runs_the_plan_in_order() -> None:
    host = Host({"drbdadm create-md pbx": "", "drbdadm up pbx": ""})
    drbd.apply(host, drbd.plan(BLANK, Desired("present")))
    assert host.ran == ["drbdadm create-md pbx", "drbdadm up pbx"]


# --- judging


def with_status(**changes: Any) -> State:
    return replace(IN_SERVICE, status=replace(HEALTHY, **changes))


def test_a_healthy_resource_has_no_problems() -> None:
    assert drbd.problems(IN_SERVICE) == []


@pytest.mark.parametrize(
    ("state", "found", "cure"),
    [
        (State("pbx", None), "kernel module is not loaded", "modprobe drbd"),
        (State("pbx", (9, 2, 14)), "not configured", "role drbd"),
        (replace(IN_SERVICE, status=None), "is down", "standby"),
        (with_status(disk="Diskless"), "no local disk", "drbdadm attach pbx"),
        (with_status(disk="Outdated"), "older than the peer's", "Never force"),
        (with_status(disk="Negotiating"), "state Negotiating", "drbdadm status pbx"),
        (with_status(suspended=("fencing",)), "holds back all input and output (fencing)", "pcs stonith confirm"),
        (with_status(peers=()), "gave up the connection", "dialtone.ha_pbx.drbd_discard"),
        (with_status(peers=(Peer("p", "StandAlone"),)), "gave up the connection", "Split brain"),
        (with_status(peers=(Peer("p", "Connecting"),)), "does not answer", "firewall"),
        (with_status(peers=(Peer("p", "NetworkFailure"),)), "not connected (NetworkFailure)", "firewall"),
        (
            with_status(peers=(Peer("p", "Connected", "Secondary", "SyncSource", "Inconsistent", 41.2),)),
            "peer whose disk is Inconsistent (SyncSource, 41 % in agreement)",
            "on the peer",
        ),
        (
            with_status(peers=(Peer("p", "Connected", "Primary", "Established", "UpToDate"),)),
            "Primary on both nodes",
            "allow-two-primaries",
        ),
    ],
)
def test_a_problem_is_named_with_its_cure(state: State, found: str, cure: str) -> None:
    (problem,) = drbd.problems(state)
    assert found in problem["found"]
    assert cure in problem["cure"]
    assert "{name}" not in problem["cure"]


def test_8_4_disconnected_by_hand_is_a_problem() -> None:
    status = drbd.parse_events2(EVENTS_84_ALONE, "pbx")
    assert [p["found"] for p in drbd.problems(replace(IN_SERVICE, status=status))] == [
        "resource pbx gave up the connection to the peer: split brain, or disconnected by hand"
    ]


@pytest.mark.parametrize(
    ("state", "blank"),
    [
        (NEW_UP, True),
        (NEW_DOWN, True),
        (BLANK, False),
        (IN_SERVICE, False),
        (replace(NEW_UP, signatures=("drbd", "ext4")), False),
        (replace(NEW_UP, signatures=None), False),
    ],
)
def test_a_node_calls_its_disk_blank_only_when_nothing_was_ever_on_it(state: State, blank: bool) -> None:
    assert drbd.as_dict(state)["blank"] is blank


# --- a configuration that an earlier run wrote and did not have read ---------------------------------------------------


def test_a_configuration_that_was_written_after_drbd_read_it_is_unread(tmp_path: Path) -> None:
    config, stamp = tmp_path / "pbx.res", tmp_path / "run/drbd-pbx"
    assert not drbd.unread(config, stamp, booted=0)
    config.write_text("resource pbx {}")
    written = config.stat().st_ctime
    assert drbd.unread(config, stamp, booted=0)
    # Who brought the resource up after the host's start read it.
    assert not drbd.unread(config, stamp, booted=written + 1)
    drbd.note_read(stamp, written + 1)
    assert not drbd.unread(config, stamp, booted=0)
    drbd.note_read(stamp, written - 1)
    assert drbd.unread(config, stamp, booted=0)


def test_when_the_host_started(tmp_path: Path) -> None:
    uptime = tmp_path / "uptime"
    uptime.write_text("3600.50 7000.0\n")
    assert drbd.booted(uptime, now=10000.5) == 6400.0
