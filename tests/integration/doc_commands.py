"""Runs the shell commands of the documentation, as they stand there.

usage: doc_commands.py SOURCE WORLD JOULEMAP PORT

A fenced block whose language is sh is run, the blocks of a page one after the other in one shell. What is not run says so in the page:
    <!-- not run: all: REASON -->         the block below
    <!-- not run: 2, 3: REASON -->        these lines of it
    COMMAND    # as root                  a line that needs root
A line whose program, or a file of STAND_INS that could not be made, is missing here is left out, too, and counted. SHORTER has what
is changed so that a page takes seconds. Exit code 1: a command failed, or is none of MAY_RUN and says nothing.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

PAGES = ("README.md", "HACKING.md", "docs", "python/README.md")
BLOCK = re.compile(r"(?:^<!-- not run: (?P<lines>[^:]*): (?P<why>.*?) -->\n)?^```sh\n(?P<text>.*?)^```$", re.M | re.S)
# Nothing else is started: a page may speak of what this machine is not to be told by a test.
MAY_RUN = ("joulemap", "git", "curl", "sqlite3")
SHORTER = (
    (r"-d 60\b", "-d 1"),
    (r"--for 10s\b", "--for 1s"),
    (r'"duration_s": 10\b', '"duration_s": 1'),
    (r"--runs (300|500)\b", "--runs 20"),
    (r"^joulemap serve(?=\s)", "joulemap serve --port PORT"),
    (r"127\.0\.0\.1:7373", "127.0.0.1:PORT"),
    (r"^joulemap ask(?=\s)", "joulemap ask --url http://127.0.0.1:PORT"),
    (r"\b4711\b", "$PID"),
    (r"/mnt/storage\b", "$HOME/storage"),
    (r"git clone URL", 'git clone "$HOME/docs-data"'),
    (r"^git show ", "git -C SOURCE show "),
    (r"^joulemap top(?!.*--once)", "joulemap top -n 1"),
)
# Runs in the background until the page ends: the next command begins when it has said that it listens.
SERVER = """{command} >server.out 2>&1 </dev/null &
servers="$servers $!"
for i in $(seq 400); do grep -q '^listening' server.out && break; kill -0 $! || break; sleep 0.05; done
grep -q '^listening' server.out
"""
MEND = "mend it, give it what it needs (test_docs.sh), or say above the block why it is not run: <!-- not run: all: REASON -->"
END = 'kill $servers 2>/dev/null; for server in $servers; do wait "$server"; done\n'


class Line:
    def __init__(self, page, number, text, why_not):
        self.page, self.number, self.text, self.why_not = page, number, text, why_not

    def command(self, source, port):
        text = self.text
        for pattern, replacement in SHORTER:
            text = re.sub(pattern, replacement, text)
        return text.replace("PORT", str(port)).replace("SOURCE", shlex.quote(os.path.abspath(source)))


def without_comment(text):
    try:
        return " ".join(shlex.split(text, comments=True, posix=False))
    except ValueError:
        return text


def lines_of(page, text):
    """Gives each command line of a page."""
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("text")) + 1
        marks = block.group("lines") or ""
        chosen = None if marks.strip() == "all" else {int(n) for n in marks.replace(",", " ").split()}
        for i, line in enumerate(block.group("text").splitlines()):
            why = None
            if chosen is None or i + 1 in chosen:
                why = block.group("why")
            elif re.search(r"# as root", line):
                why = "needs root"
            yield Line(page, first + i, line, why)


def pages(source):
    for name in PAGES:
        path = os.path.join(source, name)
        names = sorted(n for n in os.listdir(path) if n.endswith(".md")) if os.path.isdir(path) else [""]
        for inner in names:
            shown = os.path.join(name, inner) if inner else name
            with open(os.path.join(source, shown), encoding="utf-8") as file:
                yield shown, list(lines_of(shown, file.read()))


def has_history(source):
    """Says whether the tree is a whole clone of its repository: then a commit that is not there is an error of the page."""
    said = subprocess.run(["git", "-C", source, "rev-parse", "--show-prefix", "--is-shallow-repository"], capture_output=True, text=True)
    return said.returncode == 0 and said.stdout.split() == ["false"]


def missing_here(line, source, world):
    """Says why a line cannot be run on this machine, or None."""
    if line.text.startswith("git show ") and not has_history(source):
        return "the project's history is not here (a shallow clone, or none)"
    for word in without_comment(line.text).split():
        if word in ("model.onnx", "model.jmap", "run.jmap", "again.jmap") and not os.path.exists(os.path.join(world, "model.onnx")):
            return "no model and no ONNX Runtime here (scripts/setup run demo)"
    program = without_comment(line.text).split()[0]
    return None if shutil.which(program) else f"no {program} here"


def script(page_lines, source, port):
    out = ["set -o pipefail\nservers=\n"]
    for line in page_lines:
        command = line.command(source, port)
        if re.match(r"joulemap serve\b", command):
            command = SERVER.format(command=without_comment(command))
        out.append(f"printf '\\n== line {line.number}\\n'\n{command}\n[ $? -eq 0 ] || echo '== failed {line.number}'\n")
    return "".join(out) + END


def run_page(page, page_lines, source, world, port):
    """Runs the lines of a page in a copy of the world. Gives the numbers of those that failed, and what was said."""
    folder = os.path.join(os.path.dirname(world), re.sub(r"\W", "-", page.removesuffix(".md")))
    shutil.copytree(world, folder, symlinks=True)
    # What the page itself makes is not there before.
    for line in page_lines:
        for name in re.findall(r"-o (\S+)", line.text):
            if os.path.isfile(os.path.join(folder, name)):
                os.remove(os.path.join(folder, name))
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    child = subprocess.Popen(["bash", "-c", script(page_lines, source, port)], cwd=folder, stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said, _ = child.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        said = child.communicate()[0] + f"\n== failed {page_lines[0].number}\nit took longer than 200 s"
    return [int(n) for n in re.findall(r"^== failed (\d+)$", said, re.M)], said


def main():
    source, world, port = sys.argv[1], sys.argv[2], sys.argv[3]
    n_run, failed, left_out = 0, 0, {}
    for page, lines in pages(source):
        todo = []
        for line in lines:
            if not without_comment(line.text):
                continue
            may_run = without_comment(line.text).split()[0] in MAY_RUN
            why = line.why_not or (missing_here(line, source, world) if may_run else None)
            if not why and not may_run:
                print(f"FAILED: {page}:{line.number}: {line.text}\n  {MEND}")
                failed += 1
            elif why:
                left_out.setdefault(why, []).append(f"{page}:{line.number}")
            else:
                todo.append(line)
        if not todo:
            continue
        wrong, said = run_page(page, todo, source, world, port)
        n_run += len(todo)
        failed += len(wrong)
        for number in wrong:
            print(f"FAILED: {page}:{number}: {next((l.text for l in todo if l.number == number), '')}")
            print(f"  {MEND}")
        if wrong:
            print("".join(f"  | {line}\n" for line in said.splitlines()[-60:]), end="")
    n_left = sum(len(places) for places in left_out.values())
    print(f"{n_run} commands of the documentation were run, {failed} failed; {n_left} were not run:")
    for why, places in sorted(left_out.items()):
        print(f"  {len(places)}: {why} ({', '.join(places)})")
    sys.exit(1 if failed or n_run == 0 else 0)


if __name__ == "__main__":
    main()
