# cmake --install: what is installed works, other programs can use it, and an uninstall leaves the tree as it was.
. "$SOURCE/tests/integration/lib.sh"
setting() { sed -n "s/^$1:[^=]*=//p" "$BUILD/CMakeCache.txt"; }
[ -z "$(setting JOULEMAP_SANITIZE)" ] || { echo "SKIP: a build with sanitizers has no manual pages, and is nothing to install"; exit 77; }
export CC; CC=$(setting CMAKE_C_COMPILER)
CMAKE_GENERATOR=$(setting CMAKE_GENERATOR)
export CMAKE_GENERATOR
skips=()
[ -e "$BUILD/manual/complete" ] || { echo "FAILED: no manual pages were built"; exit 1; }
tree() { (cd "$1" && find . -printf '%y %m %p %l\n' | sort); }
install_into() { exits 0 cmake --install "$BUILD" --prefix "$1"; }

# ---- Among files of others ----
prefix=$WORK/prefix
mkdir -p prefix/share/man/man1 prefix/lib/cmake prefix/share/doc/other
echo other >prefix/lib/cmake/other
tree prefix >before
check "it is installed" install_into "$prefix"
tree prefix >first
check "and once more, over it" install_into "$prefix"
tree prefix >second
check "which changes nothing" cmp first second
version=$("$JM" --version)
check "the program runs" [ "$("$prefix/bin/joulemap" --version)" = "$version" ]
libdir=$(setting CMAKE_INSTALL_LIBDIR)
: "${libdir:=lib}"

# ---- What it loads ----
# shellcheck disable=SC2016
check "it finds its library for CUDA" exits 0 env -u JOULEMAP_CUDA_LIBRARY TMPDIR="$WORK" "$prefix/bin/joulemap" record -q --cuda \
    -s estimate -o x.jmap -- sh -c 'test "$CUDA_INJECTION64_PATH" -ef "$0"' "$prefix/$libdir/joulemap/libjoulemap_cuda.so"

# ---- Manual pages and completions ----
if command -v groff >/dev/null && command -v gzip >/dev/null; then
    clean=true
    for page in "$prefix"/share/man/man1/*.1.gz; do
        gzip -dc "$page" | groff -man -ww -z -Tutf8 2>warnings
        [ -s warnings ] && { echo "$page: $(head -n 1 warnings)"; clean=false; }
    done
    check "the manual pages are clean" $clean
    gzip -dc prefix/share/man/man1/joulemap-record.1.gz | groff -man -Tascii -P -cbou >page
    check "a page has what --help says" says page '--process-interval PERIOD'
    check "and names itself for apropos" says page '^ *joulemap-record  *-  *record'
else
    skips+=("no groff or gzip here")
fi
commands=$("$JM" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
    test -s "prefix/share/man/man1/joulemap-$command.1.gz" || check "joulemap $command has a page" false
done
check "there is a page for each command" [ "$(ls prefix/share/man/man1 | wc -l)" -eq $(($(wc -w <<<"$commands") + 1)) ]
for path in bash-completion/completions/joulemap zsh/site-functions/_joulemap fish/vendor_completions.d/joulemap.fish; do
    check "completion: $path" test -s "prefix/share/$path"
done
: >file
check "pages it cannot write are an error" exits 1 "$JM" man --output "$WORK/file/folder"
check "which says where" says err 'cannot make the folder .*/file/folder: Not a directory'

# ---- From other programs ----
export LD_LIBRARY_PATH=$prefix/$libdir
if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig
    # shellcheck disable=SC2046
    check "a C program is built by pkg-config" exits 0 "$CC" -std=c11 -Wall -Wextra -Werror -o by-pkg-config \
        "$SOURCE/tests/fixtures/consumer/consumer.c" $(pkg-config --cflags --libs joulemap)
    check "and runs" [ "$(./by-pkg-config)" = "$version" ]
    check "pkg-config knows the version" [ "joulemap $(pkg-config --modversion joulemap)" = "$version" ]
else
    skips+=("no pkg-config here")
fi
check "find_package finds it" exits 0 cmake -S "$SOURCE/tests/fixtures/consumer" -B consumer -DCMAKE_PREFIX_PATH="$prefix"
check "a program is built by it" exits 0 cmake --build consumer
check "and runs" [ "$(consumer/consumer)" = "$version" ]
sed 's/joulemap 0.1/joulemap 0.2/' "$SOURCE/tests/fixtures/consumer/CMakeLists.txt" >CMakeLists.txt
check "another minor version is refused" sh -c "cp '$SOURCE/tests/fixtures/consumer/consumer.c' . &&
    ! cmake -S . -B other -DCMAKE_PREFIX_PATH='$prefix' >/dev/null 2>&1"

# ---- And away ----
check "it is uninstalled" exits 0 "$prefix/share/joulemap/uninstall"
tree prefix >after
check "which leaves what was there, and nothing else" diff before after

# ---- Where nothing was ----
check "into a new folder" install_into "$WORK/new/prefix"
touch new/prefix/bin/mine
check "and away" exits 0 new/prefix/share/joulemap/uninstall
check "but for what is not joulemap's" [ "$(cd new && find . -type f)" = ./prefix/bin/mine ]
rm -r new && mkdir new
install_into "$WORK/new/prefix" && new/prefix/share/joulemap/uninstall
check "nothing is left" [ -z "$(ls -A new)" ]
DESTDIR=$WORK/staged install_into /usr
check "DESTDIR: all lies below it" test -x staged/usr/bin/joulemap
check "the unit names the program's later place" grep -q '^ExecStart=/usr/bin/joulemap serve' staged/usr/lib/systemd/system/joulemap.service
staged/usr/share/joulemap/uninstall
check "and is taken away there" [ -z "$(find staged -not -type d)" ]

[ $n_failed -eq 0 ] || finish
for reason in "${skips[@]}"; do
    echo "SKIP: $reason"
done
[ ${#skips[@]} -eq 0 ] || exit 77
finish
