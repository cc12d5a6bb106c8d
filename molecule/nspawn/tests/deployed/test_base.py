"""The machines under the exchange: what listens, what is open, what is readable, what is kept."""

from __future__ import annotations

import re
import socket

import pytest
from testinfra.host import Host

from lab import exchange
from lab.config import FLOATING_ADDRESS, HOSTS, LabError
from lab.probe import lab_socket

#: Everything that may listen beyond loopback, as (protocol, port, program), and why.
LISTENING = {
    ("tcp", 22, "sshd"): "administration, and Ansible",
    ("tcp", 2224, "pcsd"): "pcs of the peer",
    ("tcp", 3306, "mariadbd"): "replication of the peer",
    ("udp", 5405, "corosync"): "the cluster's messages",
    ("udp", 5060, "asterisk"): "SIP, at the floating address",
    ("tcp", 5060, "asterisk"): "SIP, at the floating address",
}
#: RTP of calls, and what the kernel gave to pjproject's DNS resolver, whose port is closed from outside.
MEDIA_AND_RESOLVER = (range(10000, 20001), range(32768, 61000))

#: What a stranger on the network may reach on a host.
OPEN_TO_ALL = {22, 5060}


def listening(machine: Host) -> set[tuple[str, int, str, str]]:
    """Return protocol, port, program and address of every socket that listens beyond loopback."""
    found = set()
    for line in machine.check_output("ss --no-header --numeric --listening --tcp --udp --processes").splitlines():
        protocol, _state, _receive, _send, local, _peer, *users = line.split()
        address, port = local.rsplit(":", 1)
        address = address.split("%")[0].strip("[]")
        program = re.search(r'"([^"]+)"', " ".join(users))
        if not address.startswith("127.") and address != "::1":
            found.add((protocol, int(port), program[1] if program else "?", address))
    return found


def answers(address: str, port: int) -> bool:
    """Tell whether a stranger gets a TCP connection there."""
    with lab_socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        return sock.connect_ex((address, port)) == 0


def test_nothing_unexpected_listens(machine: Host) -> None:
    found = {(protocol, port, program) for protocol, port, program, _address in listening(machine)}
    unexpected = found - set(LISTENING)
    assert [
        (protocol, port, program)
        for protocol, port, program in unexpected
        if (protocol, program) != ("udp", "asterisk") or not any(port in ports for ports in MEDIA_AND_RESOLVER)
    ] == []


def test_sip_listens_at_the_floating_address_only() -> None:
    # A transport bound to every address would answer from the node's own, and telephones drop that.
    found = exchange.run(exchange.active_node(), ["ss", "-Hlntu", "sport = :5060"])
    assert {line.split()[4] for line in found.splitlines()} == {f"{FLOATING_ADDRESS}:5060"}


def test_a_stranger_reaches_ssh_and_sip_and_nothing_else() -> None:
    active = exchange.active_node()
    for host in HOSTS.values():
        lines = exchange.run(host.name, ["ss", "-Hlnt"]).splitlines()
        ports = {int(line.split()[3].rsplit(":", 1)[1]) for line in lines}
        assert 3306 in ports, "the database has to listen, or that it is closed to strangers proves nothing"
        addresses = [host.address] + ([FLOATING_ADDRESS] if host.name == active else [])
        reached = {port for address in addresses for port in ports if answers(address, port)}
        assert 22 in reached
        assert reached <= OPEN_TO_ALL, f"{host.name} lets strangers in at {reached - OPEN_TO_ALL}"
    assert answers(FLOATING_ADDRESS, 5060)


def test_firewalld_runs_now_and_at_boot(machine: Host) -> None:
    service = machine.service("firewalld")
    assert service.is_running
    assert service.is_enabled


def test_the_firewall_is_the_same_after_a_reload(machine: Host) -> None:
    now = machine.check_output("firewall-cmd --list-all-zones")
    later = machine.check_output("firewall-cmd --permanent --list-all-zones")
    # The permanent listing does not say which zones are active; both say everything else.
    assert re.sub(r" \((?:default, )?active\)| \(default\)", "", now) == re.sub(r" \(default\)", "", later)


def test_only_the_peer_reaches_the_cluster_ports(machine: Host) -> None:
    name = machine.check_output("hostname --short")
    peer = HOSTS[exchange.peer(name)]
    zone = machine.check_output("firewall-cmd --info-zone=pbx-peers")
    sources = re.search(r"sources: (.*)", zone)
    assert sources
    assert peer.address in sources[1].split()
    assert set(sources[1].split()) <= {host.address for host in HOSTS.values()}


def test_the_journal_survives_a_reboot(machine: Host) -> None:
    identity = machine.file("/etc/machine-id").content_string.strip()
    assert machine.file(f"/var/log/journal/{identity}/system.journal").is_file


def test_time_is_kept(machine: Host) -> None:
    service = machine.service("chrony" if machine.service("chrony").exists else "chronyd")
    assert service.is_enabled
    # In a container the clock is the machine's, and the unit itself says that it does not start there.
    if service.systemd_properties["ConditionResult"] == "no":
        assert machine.run("systemd-detect-virt --container").rc == 0
    else:
        assert service.is_running


def test_the_cluster_starts_asterisk_and_nobody_else_does(machine: Host) -> None:
    assert not machine.service("asterisk").is_enabled
    serves = machine.check_output("hostname --short") == exchange.active_node()
    assert machine.service("asterisk").is_running == serves


def test_asterisk_is_not_root() -> None:
    # What its unit runs: the cluster's agent, which looks at it as root every few seconds, is called asterisk too.
    script = "group=$(systemctl show --property=ControlGroup --value asterisk)"
    script += '; ps -o user= -p "$(paste -sd, "/sys/fs/cgroup$group/cgroup.procs")"'
    users = exchange.run(exchange.active_node(), ["sh", "-c", script]).split()
    assert set(users) == {"asterisk"}


def test_only_the_active_node_writes_to_its_database() -> None:
    active = exchange.active_node()
    state = {node: exchange.sql(node, "SELECT @@read_only AS read_only")[0]["read_only"] for node in HOSTS}
    assert state == {active: "0", exchange.peer(active): "1"}


def test_the_disk_is_mounted_on_the_active_node_only() -> None:
    active = exchange.active_node()
    for node in HOSTS:
        mounts = exchange.run(node, ["findmnt", "--noheadings", "--list", "--output", "TARGET"]).split()
        for path in ("/srv/pbx", "/etc/asterisk", "/var/lib/asterisk", "/var/spool/asterisk", "/srv/tftp"):
            assert (path in mounts) == (node == active), f"{path} on {node}"


@pytest.mark.parametrize(
    ("path", "mode", "owner"),
    [
        ("/etc/corosync/authkey", 0o400, "root"),
        ("/etc/pacemaker/authkey", 0o400, "hacluster"),
    ],
)
def test_keys_of_the_cluster_are_secret(machine: Host, path: str, mode: int, owner: str) -> None:
    file = machine.file(path)
    if not file.exists and path.startswith("/etc/pacemaker"):
        pytest.skip("Pacemaker Remote is not in use, and its key is not there")
    assert (file.mode & 0o077, file.mode & mode, file.user) == (0, mode, owner)


def files_with(machine: Host, secrets: dict[str, str], as_user: str, places: str) -> list[str]:
    """Return the files under some directories that an account can read and that hold a secret."""
    script = f"grep --recursive --files-with-matches --fixed-strings --file=- --devices=skip {places} 2>/dev/null"
    argv = ["setpriv", f"--reuid={as_user}", f"--regid={as_user}", "--clear-groups", "sh", "-c"]
    # grep says 1 when it found nothing, and 2 when it may not read something.
    found = exchange.run(
        machine.check_output("hostname --short"), [*argv, f"{script} || test $? -le 2"], "\n".join(secrets.values())
    )
    return found.splitlines()


def test_no_secret_is_readable_by_everybody(machine: Host, secrets: dict[str, str]) -> None:
    # The search does find: the telephones' passwords are on every node.
    assert any("/tenants/" in path for path in files_with(machine, secrets, "0", "/etc/asterisk"))
    # An ordinary account is asked, not the files' modes: what a directory above closes is closed.
    places = "/etc /opt /root /run /srv /tmp /usr/local /var/lib /var/log /var/spool /var/tmp"
    assert files_with(machine, secrets, "65534", places) == []


def test_no_secret_is_in_the_journal_or_on_a_command_line(machine: Host, secrets: dict[str, str]) -> None:
    name = machine.check_output("hostname --short")
    for text in (
        exchange.run(name, ["journalctl", "--no-pager", "--output=cat"]),
        exchange.run(name, ["ps", "-e", "-o", "args="]),
    ):
        assert [secret for secret, value in secrets.items() if value in text] == []


def test_a_wrong_account_does_not_get_into_the_database(machine: Host) -> None:
    name = machine.check_output("hostname --short")
    with pytest.raises(LabError, match="Access denied"):
        exchange.run(name, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                            "mariadb", "--user=asterisk", "--execute=SELECT 1"])  # fmt: skip
