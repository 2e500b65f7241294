# For the tests of the checks: a small source tree to break, and what a check says of it.
SOURCE=${SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

write() { # write FILE: standard input becomes a file of the tree
    mkdir -p "$tree/$(dirname "$1")"
    cat >"$tree/$1"
}

passes() { # passes CHECK WHAT
    local said
    if said=$("$SOURCE/scripts/$1" "$tree" 2>&1); then
        echo "ok: $2"
    else
        printf 'FAILED: %s: expected no finding\n%s\n' "$2" "$said"
        failures=1
    fi
}

finds() { # finds CHECK TEXT WHAT: the check fails and says TEXT
    local said
    if said=$("$SOURCE/scripts/$1" "$tree" 2>&1); then
        printf 'FAILED: %s: nothing found\n%s\n' "$3" "$said"
        failures=1
    elif [[ $said != *"$2"* ]]; then
        printf 'FAILED: %s: expected "%s" in\n%s\n' "$3" "$2" "$said"
        failures=1
    else
        echo "ok: $3"
    fi
}
