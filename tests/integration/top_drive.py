"""Drives joulemap top on a pseudo-terminal and looks at its screen through a terminal in Python (pyte).

usage: top_drive.py PROGRAM: exits 1 with a reason when something is wrong.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte

LIMIT_S = 60


class Terminal:
    def __init__(self, argv, rows=24, columns=80, environment=None):
        self.rows, self.columns, self.raw = rows, columns, b""
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave, self.fd = slave, master
        env = dict(os.environ, TERM="screen-256color", LC_ALL="C.UTF-8", **(environment or {}))
        env.pop("NO_COLOR", None)
        env.update(environment or {})
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.closerange(3, 64)
            os.execve(argv[0], argv, env)

    def take(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            data = os.read(self.fd, 65536)
            self.raw += data
            self.stream.feed(data)
            return True
        return False

    def until(self, condition, what):
        end = time.monotonic() + LIMIT_S
        while not condition(self.text()):
            assert time.monotonic() < end, what + ":\n" + self.text()
            self.take(0.2)

    def text(self):
        return "\n".join(self.screen.display)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def end(self):
        """Waits for the end; the terminal must be as it was."""
        end = time.monotonic() + LIMIT_S
        status = None
        while status is None:
            assert time.monotonic() < end, "it does not end"
            self.take(0.1)
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            status = code if pid else None
        while self.take(0):
            pass
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        assert b"\x1b[?1049h" in self.raw and self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h"), "screen"
        assert self.raw.rfind(b"\x1b[?12l\x1b[?25h") > self.raw.rfind(b"\x1b[?25l") or \
            self.raw.rfind(b"\x1b[?25h") > self.raw.rfind(b"\x1b[?25l"), "the cursor stays hidden"
        os.close(self.fd)
        os.close(self.slave)
        return os.waitstatus_to_exitcode(status)


def in_order(t):
    first = [int(line.split()[0]) for line in t.screen.display if line.split() and line.split()[0].isdigit()]
    return len(first) > 2 and first == sorted(first)


program = sys.argv[1]
command = [program, "top", "-s", "estimate", "-d", "200ms", "-i", "100ms"]
done = []


def ok(what):
    done.append(what)
    print("ok: " + what)


# A process whose name wants to break out, and one of wide characters.
evil = os.fork()
if evil == 0:
    os.execv("/bin/sleep", ["\x1b[2Jevil\nPID POWER \u6ce8\u610f", "300"])

try:
    t = Terminal(command)
    t.until(lambda s: "estimate/cpu" in s and " W" in s.split("estimate/cpu")[1][:14], "no power")
    t.until(lambda s: "joulemap top" in t.screen.display[0] and "READINGS" in s and "estimated" in s, "what is missing?")
    t.until(lambda s: "q end" in t.screen.display[23] and "order: power" in t.screen.display[23], "no keys")
    ok("power, ledger state and keys are on the screen")
    t.until(lambda s: any(c in s for c in "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"), "no spark line")
    ok("a spark line is drawn")
    t.press("n")
    t.until(lambda s: "order: name" in s, "n does not sort")
    t.press("s")
    t.until(lambda s: "order: pid" in s and in_order(t), "s does not go on")
    ok("keys sort")
    t.press("p")
    t.until(lambda s: "PAUSED" in s, "p does not pause")
    t.press(" ")
    t.until(lambda s: "PAUSED" not in s, "space does not go on")
    ok("it pauses and goes on")
    t.press("?")
    t.until(lambda s: "this" in s and "scroll" in s, "no help")
    t.press("h")
    t.until(lambda s: "scroll" not in s, "help stays")
    ok("help comes and goes")
    t.press("r")
    t.until(lambda s: "reversed" in s, "r does not turn")
    t.resize(4000, 100)
    t.until(lambda s: "evil" in s, "the process is not there")
    line = next(line for line in t.screen.display if "evil" in line)
    assert "[2Jevil" in line and "PID POWER" in line, line
    assert not any(line.startswith("PID POWER") for line in t.screen.display)
    ok("a name does not clear the screen or forge a line")
    t.resize(20, 40)
    t.until(lambda s: "q end" in t.screen.display[19] and "estimated" in s and "PROCESS" in s, "it does not shrink")
    t.resize(50, 140)
    t.until(lambda s: "q end" in t.screen.display[49] and "MiB" in s, "it does not grow")
    ok("it follows the size of the terminal")
    assert b"\x1b[3" in t.raw or b"\x1b[38" in t.raw
    t.press("q")
    assert t.end() == 0
    ok("q ends it and leaves the terminal as it was")
    for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        t = Terminal(command)
        t.until(lambda s: "q end" in s, "no screen")
        os.kill(t.pid, number)
        assert t.end() == code, (number, code)
    ok("so do SIGINT, SIGTERM and SIGHUP")
    t = Terminal(command, 15, 40)
    t.until(lambda s: "estimated" in s and " W" in s and "q end" in t.screen.display[14], "nothing at 40 columns")
    t.press("\x03")
    assert t.end() == 0
    ok("40 columns are enough, and Ctrl-C ends it")
    for extra, environment in (([], {"NO_COLOR": "1"}), (["--no-color"], {})):
        t = Terminal(command + extra, environment=environment)
        t.until(lambda s: "estimate/cpu" in s and "q end" in s, "no screen")
        t.press("q")
        t.end()
        for colour in (b"\x1b[31m", b"\x1b[32m", b"\x1b[33m", b"\x1b[36m"):
            assert colour not in t.raw, colour
    ok("no colour when asked")
finally:
    os.kill(evil, signal.SIGKILL)
    os.waitpid(evil, 0)
print(f"{len(done)} looked at")
