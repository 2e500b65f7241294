# Prints what zsh completes a line with: complete.zsh SCRIPT LINE. A zsh on a terminal of its own is typed the line and a tab.
zmodload zsh/zpty
work=$(mktemp -d) || exit 1
cat >$work/rc <<RC
autoload -Uz compinit && compinit -u -D
setopt no_auto_list no_beep
source $1
compadd() {
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "\$@"
		return
	fi
	local -a hits
	builtin compadd -A hits "\$@"
	print -rl -- \$hits >>$work/hits
	builtin compadd "\$@"
}
RC
: >$work/hits
zpty shell zsh -f -i
zpty -w shell "source $work/rc; print >$work/ready"
for i in {1..400}; do
	[ -e $work/ready ] && break
	while zpty -rt shell ignored; do :; done
	sleep 0.05
done
# The line is thrown away (^U) behind the tab.
zpty -wn shell "$2"$'\t\025'
zpty -w shell "print >$work/done"
for i in {1..400}; do
	[ -e $work/done ] && break
	while zpty -rt shell ignored; do :; done
	sleep 0.05
done
zpty -d shell
sort -u $work/hits
[ -e $work/done ]
code=$?
rm -rf $work
exit $code
