# The Debian package: built, installed, switched, installed again and purged in a copy of this machine (an overlay over its files), of
# which nothing is left.
. "$SOURCE/tests/integration/lib.sh"
skip() { echo "SKIP: $1"; exit 77; }
[ -z "$(sed -n 's/^JOULEMAP_SANITIZE:[^=]*=//p' "$BUILD/CMakeCache.txt")" ] || skip "no packages are made of builds with sanitizers"
command -v dpkg-shlibdeps >/dev/null || skip "no dpkg-shlibdeps here (Debian: dpkg-dev)"
command -v cpack >/dev/null || skip "no cpack here"

(cd "$BUILD" && cpack -G DEB -B "$WORK/package") >cpack.log 2>&1
check "the package is built" test -e package/joulemap_*.deb
[ $n_failed -eq 0 ] || { tail -n 20 cpack.log; finish; }
deb=$(echo package/joulemap_*.deb)
dpkg-deb -c "$deb" >contents
dpkg-deb -f "$deb" >fields
for path in usr/bin/joulemap usr/lib.*/libjoulemap.so.0 usr/share/man/man1/joulemap-record.1.gz usr/lib/systemd/system/joulemap.service \
    usr/share/bash-completion/completions/joulemap etc/default/joulemap usr/share/doc/joulemap/copyright; do
    check "it holds $path" says contents " \./$path\( ->.*\)\?\$"
done
check "all of it is root's" sh -c '! grep -v " root/root " contents'
check "it depends on what it is linked to" says fields '^Depends: .*libsqlite3-0 (>= '
check "only a switch is configuration" [ "$(dpkg-deb -I "$deb" conffiles)" = /etc/default/joulemap ]
check "the uninstall script is dpkg's business" sh -c '! grep share/joulemap/uninstall contents'

# ---- In a copy of this machine ----
[ $n_failed -eq 0 ] || finish
[ "$(id -u)" -eq 0 ] || skip "only root can install packages"
unshare --mount --propagation private true 2>/dev/null || skip "no mount namespace can be made here"
cat >inside.sh <<'END'
# In a mount namespace of its own, which takes all mounts with it.
set -e
mkdir space && mount -t tmpfs tmpfs space
mkdir space/changed space/work space/root
mount -t overlay overlay -o lowerdir=/,upperdir=space/changed,workdir=space/work space/root || exit 78
mount -t proc proc space/root/proc
mount --bind /dev space/root/dev
cp "$1" space/root/joulemap.deb
touch mounted
set +e
in_copy() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot space/root "$@"; }
# The triggers of other packages (man-db) take their time, and are not what is tested.
install() {
    in_copy dpkg --no-triggers --force-confold -i /joulemap.deb && in_copy dpkg --triggers-only libc-bin
}
program=/usr/bin/joulemap
capability() { in_copy getcap $program | grep -q "cap_perfmon=ep"; }
as_nobody() { in_copy setpriv --reuid=65534 --regid=65534 "$@"; }
group() { in_copy getent group joulemap; }

check "it is installed" exits 0 install
check "without a word of ours" sh -c '! grep "^joulemap" err'
check "the program runs" exits 0 in_copy joulemap sensors
check "anybody may run it" exits 0 as_nobody --clear-groups joulemap --version
check "the library is found" sh -c 'chroot space/root ldconfig -p | grep -q libjoulemap.so.0'
check "nobody has the capability" sh -c '! chroot space/root getcap /usr/bin/joulemap | grep .'
check "and there is no group" sh -c '! chroot space/root getent group joulemap'
if in_copy sh -c 'cp /bin/true /capable && setcap cap_perfmon=ep /capable && /capable'; then
    in_copy rm /capable
    check "a wrong choice is refused" exits 1 in_copy /usr/share/joulemap/capabilities some
    check "in words" says err "none, group or all"
    check "the group gets it" exits 0 in_copy /usr/share/joulemap/capabilities group
    check "by a capability" capability
    check "others may not run it" exits 126 as_nobody --clear-groups sh -c 'exec joulemap --version'
    check "members may" exits 0 as_nobody --groups="$(group | cut -d : -f 3)" joulemap --version
    check "the service runs all the same, without new rights" exits 0 in_copy setpriv --no-new-privs joulemap --version
    in_copy sed -i 's/=none/=all/' /etc/default/joulemap
    check "it is installed again" exits 0 install
    check "with the switch as the administrator set it" says space/changed/etc/default/joulemap '=all'
    check "which holds" capability
    check "for everybody" exits 0 as_nobody --clear-groups joulemap --version
    check "and away with it" exits 0 in_copy /usr/share/joulemap/capabilities none
    check "it is gone" sh -c '! chroot space/root getcap /usr/bin/joulemap | grep .'
    check "the group is still there" group
else
    in_copy rm -f /capable
    echo "this system gives no CAP_PERFMON to a file" >not-tested
fi
check "it is removed" exits 0 in_copy dpkg --no-triggers -r joulemap
check "the program is gone" [ ! -e space/root/usr/bin/joulemap ]
check "the switch stays" [ -e space/root/etc/default/joulemap ]
check "it is purged" exits 0 in_copy dpkg --no-triggers -P joulemap
check "the group is gone" sh -c '! chroot space/root getent group joulemap'
rm space/root/joulemap.deb

# What differs from the machine now, but for dpkg's own notes, caches and the backups of the group file.
left() {
    (cd space/changed && find . -not -type d) | sed 's/^\.//' |
        grep -v -e '^/var/lib/dpkg/' -e '^/var/log/' -e '^/var/cache/' -e '^/etc/g\(roup\|shadow\)-$' -e '^/etc/ld.so.cache$' -e '^/run/' |
        while read -r path; do cmp -s "space/changed$path" "$path" || echo "$path"; done
    (cd space/changed && find . -type d) | sed 's/^\.//' | while read -r path; do [ -d "$path/" ] || echo "$path/"; done
}
left >left-over
check "nothing is left" diff /dev/null left-over
[ $n_failed -eq 0 ]
END
export SOURCE BUILD WORK deb n_failed
export -f check exits says
unshare --mount --propagation private bash -c '. ./inside.sh "$deb"'
code=$?
[ -e mounted ] || skip "no overlay can be mounted here"
[ $code -eq 0 ] || n_failed=1
[ ! -s not-tested ] || [ $n_failed -ne 0 ] || skip "$(cat not-tested)"
finish
