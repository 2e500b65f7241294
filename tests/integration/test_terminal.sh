# What a user sees on a terminal of 80 or 120 columns, and what programs find in a pipe.
. "$SOURCE/tests/integration/lib.sh"
command -v python3 >/dev/null || { echo "SKIP: there is no python3 to make a terminal with"; exit 77; }

on() { python3 "$SOURCE/tests/integration/terminal.py" "$@" >shown; }
# narrow COLUMNS [PATTERN]: all lines shown but those that match fit.
narrow() {
    awk -v width="$1" -v free="${2:-^$}" '!($0 ~ free) { n = length($0); if (n > width) { print n ": " $0; bad = 1 } } END { exit bad }' shown
}

"$JM" record -q -s estimate -o long.jmap -- sh -c 'true a command whose line is longer than any terminal that this is tried on, so that it is not broken' || exit 1
for columns in 80 120; do
    check "report at $columns columns" on $columns "$JM" report long.jmap
    check "fits, but for commands, which may be copied" narrow $columns '^command  |mend: '
    check "the estimate's reason goes on below itself" grep -q '^    [a-z]' shown
    check "the report by process fits" on $columns "$JM" report long.jmap --by process
    check "likewise" narrow $columns '^command  |mend: '
    check "sensors at $columns columns" on $columns "$JM" sensors
    check "fits, but what mends something" narrow $columns 'mend: '
    check "an error fits" sh -c "! python3 '$SOURCE/tests/integration/terminal.py' $columns '$JM' report /no/such/folder/with/a/recording/that/is/not/there.jmap >shown"
    check "likewise" narrow $columns '/no/such'
    check "help of the program fits" on $columns "$JM" --help
    check "likewise" narrow $columns
    for command in $("$JM" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
        "$JM" "$command" --help >shown
        # Examples are commands, to be copied.
        sed -i '/^Examples:/,$d' shown
        check "help of $command fits 80 columns" narrow 80
    done
done

"$JM" report long.jmap >piped
check "in a pipe no line is broken" grep -q '^idle level  none: .*measures it once' piped
check "and no column is left out" grep -q '^channel .*longest gap' piped
check "the idle level and the time between iterations have names of their own" grep -q '^sum check .* + between iterations ' piped
check "nothing else is called idle" sh -c '! grep -v "^idle level" piped | grep -w idle | grep -qv "power range\|mend:"'

check "man makes the folder it is to write into" exits 0 "$JM" man --output new/man/man1
check "and writes there" test -s new/man/man1/joulemap-record.1
check "a file in its place is an error" sh -c ": >taken; ! '$JM' man --output taken 2>err"
check "that says so" says err 'taken'
check "on a terminal man shows the page" on 80 env MANPAGER=cat PAGER=cat "$JM" man record
check "and no roff" sh -c '! grep -q "^\.SH" shown'
check "without man it shows the help" on 80 env PATH=/nowhere "$JM" man record
check "which says the same" grep -q '^Usage: joulemap record' shown
check "a file gets roff" sh -c "'$JM' man record >page; grep -q '^.SH OPTIONS' page"

ln -s real.html link.html
check "a link in the place of an output is refused" exits 1 "$JM" report long.jmap --html link.html --force
check "and where it points is said" says err 'try: name the file that it points to (real.html)'
check "a link is refused without --force, too" exits 1 "$JM" report long.jmap --html link.html
check "in the same words" says err 'symbolic link, and none is followed'
check "nothing was written" test ! -e real.html
finish
