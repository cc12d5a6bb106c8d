"""What is on the hosts, as entries that can be compared: before and after a dry run, or after two deployments."""

from __future__ import annotations

from xml.etree import ElementTree

from . import exchange
from .config import HOSTS

#: An entry's name is the node, its kind and what it is about; its value is what was found.
Snapshot = dict[tuple[str, str, str], str]

#: Files that a role could write with owners, modes and contents, packages, units, and the services that run. Without what
#: Ansible, systemd and Python keep of their own.
_SYSTEM = r"""
export LC_ALL=C
systemctl is-system-running --wait > /dev/null || :
found() {
  find /etc /var/lib /srv /root /usr/lib/ocf /usr/local -xdev \
    \( -path /root/.ansible -o -path /var/lib/systemd -o -path /var/lib/private -o -name __pycache__ \) -prune -o "$@"
}
found -printf 'file\t%p\t%y %m %U:%G %l\n'
found -type f -exec sha256sum {} + | sed 's/^\([0-9a-f]*\)  \(.*\)/content\t\2\t\1/'
dpkg-query --show --showformat 'package\t${Package}\t${Version}\n'
systemctl list-unit-files --no-legend --plain | grep -v transient | awk '{print "unit\t" $1 "\t" $2}'
# Asked for the host's name it runs until nobody has asked for 30 seconds: what a look at the host starts is no change of it.
timeout 60 sh -c 'while systemctl --quiet is-active systemd-hostnamed; do sleep 1; done' || :
systemctl list-units --type=service --state=active --no-legend --plain | awk '{print "service\t" $1 "\tactive"}'
"""

#: What a deployment makes of that: who listens, what the firewall lets in, and the accounts of the database.
_EXCHANGE = r"""
export LC_ALL=C
# A port that the kernel chose is another one each time.
ss --no-header --listening --tcp --udp --numeric --processes | awk '{
  at = $5; port = at; sub(/.*:/, "", port)
  if (port + 0 >= 32768) sub(/:[0-9]*$/, ":chosen", at)
  split($7, users, "\"")
  print "listens\t" $1 " " at "\t" users[2]
}'
firewall-cmd --list-all-zones | awk '/^[^ ]/ {zone = $1; next} NF {key = $1; $1 = ""; print "firewall\t" zone " " key "\t" $0}'
mariadb --no-defaults --user=root --batch --skip-column-names --execute "
  SELECT 'account', concat(user, '@', host), concat_ws(' ', plugin, authentication_string, ssl_type) FROM mysql.user"
mariadb --no-defaults --user=root --batch --skip-column-names --execute "
  SELECT 'grants', concat(grantee, ' ', table_schema),
         group_concat(privilege_type ORDER BY privilege_type) FROM information_schema.schema_privileges GROUP BY 2
  UNION SELECT 'grants', grantee, group_concat(privilege_type ORDER BY privilege_type)
  FROM information_schema.user_privileges GROUP BY 2"
"""


def _entries(node: str, script: str) -> Snapshot:
    lines = (line.split("\t", 2) for line in exchange.run(node, ["bash", "-c", script]).splitlines())
    return {(node, kind, name): value for kind, name, value in lines}


def system() -> Snapshot:
    """Return what is on both hosts, whether something is deployed on them or not."""
    return {key: value for node in HOSTS for key, value in _entries(node, _SYSTEM).items()}


def deployed() -> Snapshot:
    """Return what a deployment has made of both hosts; of /var/lib, whose contents live, only its directories themselves."""
    found = {
        (node, kind, name): value
        for (node, kind, name), value in system().items()
        if kind not in ("file", "content") or not name.startswith("/var/lib/") or (kind == "file" and name.count("/") == 3)
    }
    for node in HOSTS:
        found |= _entries(node, _EXCHANGE)
    return found | cluster(exchange.configuration())


def cluster(configuration: str) -> Snapshot:
    """Return the elements of a cluster's configuration.

    Args:
        configuration: the element `configuration` of a CIB, as XML.
    """
    return {
        ("", "cluster", element.attrib["id"]): " ".join(
            [element.tag, *(f"{name}={value}" for name, value in sorted(element.attrib.items()) if name != "id")]
        )
        for element in ElementTree.fromstring(configuration).iter()  # noqa: S314 - written by the lab's own host
        if "id" in element.attrib
    }


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """Return a line for each entry that is in one only, or of which they say different things; sorted."""
    return [
        f"{' '.join(part for part in key if part)}: {one.get(key, 'absent')} -> {other.get(key, 'absent')}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]
