# Every command in the documentation runs, as it stands there, but for those that say why they do not (doc_commands.py).
. "$SOURCE/tests/integration/lib.sh"
mkdir bin world && ln -s "$JM" bin/joulemap
export PATH="$WORK/bin:$PATH" GIT_CONFIG_GLOBAL="$WORK/gitconfig" ASAN_OPTIONS="${ASAN_OPTIONS:-}"
git config --global user.name test && git config --global user.email test@example.org && git config --global init.defaultBranch main

# What the commands of the documentation speak of.
cat >world/my-inference <<'END'
#!/bin/sh
i=0
while [ $i -lt 30000 ]; do i=$((i + 1)); done
END
cat >world/my-meter <<'END'
#!/bin/sh
while echo 42.0; do sleep 0.1; done
END
chmod 755 world/my-*
echo 'print(sum(range(1000000)))' >world/train.py
printf 'all:\n\t@true\n' >world/Makefile
mkdir world/raw_data && echo 1,2 >world/raw_data/log.csv
model=$SOURCE/.cache/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx
if [ -e "$model" ] && ls "$SOURCE"/.cache/onnxruntime/lib/libonnxruntime.so* >/dev/null 2>&1; then
    ln -s "$model" world/model.onnx
    check "recordings of a model are made" exits 0 joulemap run world/model.onnx -q -s estimate --no-idle --runs 20 \
        --shape x=1x3x48x192 -o world/run.jmap
    mkdir world/FOLDER
    for name in fp32 int8 a1 a2 b1 b2 FOLDER/fp32 FOLDER/int8; do
        cp world/run.jmap "world/$name.jmap"
    done
fi
check "and one of a program" exits 0 joulemap record -q -s estimate -o world/train.jmap -- world/my-inference
sleep 1000 &
export PID=$!
trap 'kill $PID 2>/dev/null; rm -rf "$WORK"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
check "every command of the documentation runs, or says why it does not" \
    python3 "$SOURCE/tests/integration/doc_commands.py" "$SOURCE" "$WORK/world" "$port"

# The test itself can fail.
mkdir -p broken/docs broken/python && touch broken/README.md broken/HACKING.md broken/python/README.md
printf '# Page\n\n```sh\njoulemap report train.jmap\njoulemap report --no-such-option\n```\n' >broken/docs/page.md
check "a wrong command is found" exits 1 python3 "$SOURCE/tests/integration/doc_commands.py" broken "$WORK/world" "$port"
check "by page and line" says out '^FAILED: docs/page.md:5: joulemap report --no-such-option'
printf '# Page\n\n<!-- not run: 2: needs a miracle -->\n```sh\ngit --version\nfalse\n```\n' >broken/docs/page.md && rm -rf docs-page
check "what is marked is not run" exits 0 python3 "$SOURCE/tests/integration/doc_commands.py" broken "$WORK/world" "$port"
check "but counted, with the reason" says out '1: needs a miracle (docs/page.md:6)'
printf '# Page\n\n```sh\ntouch %s/touched\n```\n' "$WORK" >broken/docs/page.md
check "what might do harm is not run" exits 1 python3 "$SOURCE/tests/integration/doc_commands.py" broken "$WORK/world" "$port"
check "but has to say so" sh -c '[ ! -e touched ] && grep -q "^FAILED: docs/page.md:4: touch" out'
printf '# Page\n\n```sh\ngit show --stat 1234567\ngit --version\n```\n' >broken/docs/page.md && rm -rf docs-page
check "a commit is not looked for where there is no history" exits 0 python3 "$SOURCE/tests/integration/doc_commands.py" broken "$WORK/world" "$port"
check "and that is said" says out "1: the project's history is not here"
git init -q broken && git -C broken commit -q --allow-empty -m begin && rm -rf docs-page
check "where there is one a wrong commit is found" exits 1 python3 "$SOURCE/tests/integration/doc_commands.py" broken "$WORK/world" "$port"
check "by page and line" says out '^FAILED: docs/page.md:4: git show --stat 1234567'
finish
