# The Python package as a wheel, in a virtual environment of its own, over an installed library.
. "$SOURCE/tests/integration/lib.sh"
skip() { echo "SKIP: $1"; exit 77; }
[ -z "$(sed -n 's/^JOULEMAP_SANITIZE:[^=]*=//p' "$BUILD/CMakeCache.txt")" ] ||
    skip "Python cannot load a library that needs the sanitizers' runtime"
unset JOULEMAP_LIBRARY PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK=1

# A Python that can build wheels by itself: nothing is downloaded.
builder=
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import setuptools, wheel, pip, ensurepip, venv' 2>/dev/null; then
        builder=$python
        break
    fi
done
[ -n "$builder" ] || skip "no Python 3 with pip, venv, setuptools and wheel here (scripts/setup test installs them)"

mkdir source && cp -r "$SOURCE/python/." source/
check "the wheel is built" exits 0 "$builder" -m pip wheel --no-build-isolation --no-deps -w wheels ./source
check "for any Python 3" test -e wheels/joulemap-*-py3-none-any.whl
check "an environment is made" exits 0 "$builder" -m venv env
check "the wheel is installed in it" exits 0 env/bin/pip install --no-index wheels/joulemap-*.whl
cat >use.py <<'END'
import joulemap
from joulemap._library import library

with joulemap.Recording(sensors="estimate") as rec:
    with rec.region("work"):
        sum(range(1000))
print(library().path)
print(rec.report())
END
if ! ldconfig -p | grep -q libjoulemap && ! command -v joulemap >/dev/null; then
    check "without the library it says so" sh -c '! env/bin/python use.py 2>err'
    check "with a remedy" says err 'cmake --install'
fi
check "joulemap is installed elsewhere" exits 0 cmake --install "$BUILD" --prefix "$WORK/prefix"
check "it measures with the library of the program in PATH" exits 0 env PATH="$WORK/prefix/bin:$PATH" env/bin/python use.py
check "that is it" says out "^$WORK/prefix/lib/libjoulemap.so.0"
check "its region is in the report" says out '^work '
check "joulemap is installed into the environment" exits 0 cmake --install "$BUILD" --prefix "$WORK/env"
check "that one is taken" exits 0 env PATH="$WORK/prefix/bin:$PATH" env/bin/python use.py
check "first" says out "^$WORK/env/lib/libjoulemap.so.0"
check "the package goes by pip" exits 0 env/bin/pip uninstall -y joulemap
check "with nothing left" [ -z "$(find env -path '*site-packages/joulemap*')" ]
finish
