# The real powercap framework and the real driver of the INA3221, in a Debian kernel in QEMU, read by this program (tests/kernel).
. "$SOURCE/tests/integration/lib.sh"

if grep -q '^JOULEMAP_SANITIZE:STRING=.' "$BUILD/CMakeCache.txt"; then
    echo "SKIP: the guest runs the ordinary build"
    exit 77
fi
"$SOURCE/tests/kernel/boot" "$JM" "$WORK/kernel-test" >"$WORK/said" 2>"$WORK/said.err"
rc=$?
if [ $rc -eq 77 ]; then
    cat "$WORK/said"
    exit 77
fi
check "the guest ran" [ $rc -eq 0 ] || cat "$WORK/said.err"
check "what it read is what there was" python3 "$SOURCE/tests/kernel/judge" <"$WORK/said"
finish
