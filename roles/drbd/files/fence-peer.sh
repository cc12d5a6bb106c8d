#!/usr/bin/env bash
# DRBD's handler for a lost peer (crm-fence-peer.sh, the argument here) waits until the cluster says that the peer is dead.
# Since Pacemaker 2.1.7 the cluster says so with times (0: not there), and drbd-utils before 9.28 does not understand that:
# it waits for 90 seconds, while nothing is written. So it gets to read what Pacemaker used to write. A later drbd-utils
# understands both. https://github.com/LINBIT/drbd-utils/commit/7506d0ee
set -euo pipefail

cibadmin() {
  command cibadmin "$@" | sed '/<node_state /{
    s/ in_ccm="0"/ in_ccm="false"/
    s/ in_ccm="[0-9][0-9]*"/ in_ccm="true"/
    s/ crmd="0"/ crmd="offline"/
    s/ crmd="[0-9][0-9]*"/ crmd="online"/
  }'
  # The handler decides by the exit code of cibadmin.
  return "${PIPESTATUS[0]}"
}
export -f cibadmin

exec "$@"
