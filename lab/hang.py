"""An Asterisk that hangs: some of its threads are stopped, the process lives, and its console answers.

ptrace(2) stops single threads, which no signal can. The threads stay stopped until the process is killed, or for a minute.
"""

from __future__ import annotations

from . import exchange

#: PJSIP's thread that reads the SIP sockets, as it names itself.
TRANSPORT = "SIP"
#: The threads that do what was read: all but that one, those of the console, and the first.
POOL = "pool"

#: Runs on the host: process id, what to stop. It says how many threads are stopped, and leaves a process behind that holds
#: them until they are gone, or a minute is over.
_PROGRAM = """
import ctypes, os, re, signal, socket, sys

SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
pid, what = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

with socket.socket(socket.AF_UNIX) as console:
    console.connect("/run/asterisk/asterisk.ctl")
    console.recv(4096)
    console.sendall(b"cli quit after core show threads" + bytes(1))
    shown = b""
    while part := console.recv(65536):
        shown += part
console_threads = r"^0x\\w+ (\\d+) (?:listener|netconsole|logger_thread)\\b"
spared = {int(found) for found in re.findall(console_threads, shown.decode(), re.MULTILINE)} | {pid}

def name(thread):
    with open(f"/proc/{pid}/task/{thread}/comm") as file:
        return file.read().strip()

receive, send = os.pipe()
if os.fork():
    os.close(send)
    with open(receive) as answer:
        said = answer.read()
    sys.exit(None if said.isdigit() and said != "0" and print(said) is None else said or "it ended")
os.setsid()
for stream in (0, 1, 2):
    os.dup2(os.open(os.devnull, os.O_RDWR), stream)
signal.alarm(60)
stopped = 0
for thread in map(int, os.listdir(f"/proc/{pid}/task")):
    if (name(thread) == "SIP") == (what == "SIP") and thread not in spared:
        for request in (SEIZE, INTERRUPT):
            if libc.ptrace(request, thread, None, None) != 0:
                os.write(send, f"ptrace: {os.strerror(ctypes.get_errno())}".encode())
                sys.exit()
        os.waitpid(thread, WALL)
        stopped += 1
os.write(send, str(stopped).encode())
os.close(send)
try:
    while True:
        os.waitpid(-1, WALL)
except ChildProcessError:
    pass
"""


def hang(node: str, what: str) -> int:
    """Stop threads of Asterisk on a node; they stay stopped until it is killed, or for a minute.

    Args:
        node: where it runs.
        what: TRANSPORT or POOL.

    Returns:
        How many threads are stopped.

    Raises:
        LabError: they could not be.
    """
    return int(exchange.run(node, ["python3", "-c", _PROGRAM, exchange.main_process(node, "asterisk"), what]))
