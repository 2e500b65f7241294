# Completion of commands, options and values in bash, zsh and fish, each by the shell itself; and the words it offers are those that
# the commands take.
. "$SOURCE/tests/integration/lib.sh"
mkdir bin && ln -s "$JM" bin/joulemap
export PATH="$WORK/bin:$PATH"
touch my-run.jmap
skips=()

for shell in bash zsh fish; do
    check "joulemap prints a script for $shell" exits 0 joulemap completion "$shell"
    mv out "script.$shell"
done
check "another shell is refused" exits 2 joulemap completion tcsh
check "with a word" says err "bash, zsh or fish"

cat >complete.bash <<'END'
. script.bash
words=($1)
[[ $1 == *' ' ]] && words+=('')
COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMP_LINE=$1
_joulemap
printf '%s\n' "${COMPREPLY[@]}"
END
completed() { # completed SHELL LINE: into offered
    case $1 in
    bash) bash --norc complete.bash "$2" ;;
    zsh) awk -v line="== $2" '/^== / { is_it = $0 == line; next } is_it' by-zsh ;;
    fish) fish --no-config -c 'source script.fish; complete -C $argv[1]' "$2" | cut -f 1 ;;
    esac >offered
}
offers() { # offers SHELL LINE WORD...
    local shell=$1 line=$2 word
    shift 2
    completed "$shell" "$line"
    for word in "$@"; do
        grep -qx -- "$word" offered || {
            echo "no '$word' for '$line' in:"
            sed 's/^/  | /' offered
            return 1
        }
    done
}
offers_not() { # offers_not SHELL LINE WORD
    completed "$1" "$2"
    ! grep -qx -- "$3" offered
}

lines=("joulemap " "joulemap re" "joulemap report --" "joulemap report --by " "joulemap run --format s" "joulemap report my"
    "joulemap stat --baseline my" "joulemap data " "joulemap stat -- mkd" "joulemap man re")
for shell in bash zsh fish; do
    if ! command -v "$shell" >/dev/null; then
        skips+=("no $shell here (Debian: $shell)")
        continue
    fi
    [ "$shell" != zsh ] || zsh -f "$SOURCE/tests/integration/complete.zsh" "$WORK/script.zsh" "${lines[@]}" >by-zsh
    check "$shell: commands" offers "$shell" "joulemap " sensors record report help
    check "$shell: a command begun" offers "$shell" "joulemap re" record report
    check "$shell: and no other" offers_not "$shell" "joulemap re" sensors
    check "$shell: options" offers "$shell" "joulemap report --" --by --method --help
    check "$shell: not those of other commands" offers_not "$shell" "joulemap report --" --isolate
    check "$shell: values" offers "$shell" "joulemap report --by " layer kernel process
    check "$shell: values begun" offers "$shell" "joulemap run --format s" summary
    check "$shell: files" offers "$shell" "joulemap report my" my-run.jmap
    check "$shell: files of an option" offers "$shell" "joulemap stat --baseline my" my-run.jmap
    check "$shell: what data does" offers "$shell" "joulemap data " add push checkout
    check "$shell: commands to be measured" offers "$shell" "joulemap stat -- mkd" mkdir
    check "$shell: pages of the manual" offers "$shell" "joulemap man re" record report
done
cat >equals.bash <<'END'
. script.bash
COMP_WORDS=(joulemap report --by = ker) COMP_CWORD=4
_joulemap
[ "${COMPREPLY[*]}" = kernel ]
END
check "bash: a value behind =" bash --norc equals.bash

# The words, against the commands themselves.
words() { sed -n "s/^\t'$1'\( |.*\)\?) _joulemap_words '\(.*\)' ;;$/\2/p" script.bash; }
refusal() { joulemap "${@//@/no-such-word}" 2>&1 >/dev/null </dev/null; }
taken() { # taken WORDS COMMAND...: with each word, @ in its place, the command does not say what it says of no-such-word
    local list=$1 refused word
    shift
    refused=$(refusal "$@")
    [[ -n $list && $refused == *no-such-word* ]] || return 1
    for word in $list; do
        [ "$(joulemap "${@//@/$word}" 2>&1 >/dev/null </dev/null)" = "${refused//no-such-word/$word}" ] || continue
        echo "it refuses $word"
        return 1
    done
}
refused_is_found() { ! taken "layer neither" report my-run.jmap --by @ >/dev/null; }
check "a recording is made" exits 0 joulemap record -q -f -s estimate -d 50ms -o my-run.jmap
cp my-run.jmap its-copy.jmap
for option in by sort weigh format method; do
    check "report takes what is offered for --$option" taken "$(words "report --$option")" report my-run.jmap "--$option" @
done
check "and draws each picture" taken "$(words 'report --plot')" report my-run.jmap --force --svg x.svg --plot @
check "export takes each format" taken "$(words 'export --format')" export my-run.jmap --force -o x --format @
check "export takes each --by" taken "$(words 'export --by')" export my-run.jmap --format csv --by @
check "compare takes each format" taken "$(words 'compare --format')" compare my-run.jmap its-copy.jmap --format @
check "top takes each order" taken "$(words 'top --sort')" top -s estimate --once --sort @
check "--processes takes each" taken "$(words 'record --processes')" record -q -f -s estimate -o x.jmap --processes @ -- true
check "a word that is refused is found" refused_is_found
drivers=$(words 'sensors --sensors | .*')
[ -n "$drivers" ] || drivers=$(words 'sensors --sensors')
check "every driver is offered" sh -c "for driver in \$(joulemap sensors --json | tr '{' '\n' |
    sed -n 's/^\"name\":\"\([a-z_]*\)\",\"summary\".*/\1/p'); do
        case ' $drivers ' in *\" \$driver\"[\ :]*) ;; *) echo \"\$driver is not\"; exit 1 ;; esac; done"

[ $n_failed -eq 0 ] || finish
for reason in "${skips[@]}"; do
    echo "SKIP: $reason"
done
[ ${#skips[@]} -eq 0 ] || exit 77
finish
