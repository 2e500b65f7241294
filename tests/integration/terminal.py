"""Runs a program on a pseudo-terminal and prints what it showed.

usage: terminal.py COLUMNS PROGRAM ARGUMENT...: exits as the program did.
"""
import fcntl
import os
import pty
import struct
import sys
import termios


def main():
    columns, argv = int(sys.argv[1]), sys.argv[2:]
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        os.execvp(argv[0], argv)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


sys.exit(main())
