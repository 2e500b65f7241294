# Prints what zsh completes lines with: complete.zsh SCRIPT LINE... A zsh on a terminal of its own is typed each line and a tab.
# Behind "== LINE" stand its completions.
zmodload zsh/zpty
work=$(mktemp -d) || exit 1
trap 'rm -rf $work' EXIT
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
shift
await() { # await FILE: until the shell has written it
	local i
	for i in {1..2400}; do
		[ -e $1 ] && return
		while zpty -rt shell ignored; do :; done
		sleep 0.05
	done
	return 1
}
zpty shell zsh -f -i
zpty -w shell "source $work/rc; print >$work/ready"
await $work/ready || exit 1
for line; do
	rm -f $work/done
	: >$work/hits
	# The line is thrown away (^U) behind the tab.
	zpty -wn shell "$line"$'\t\025'
	zpty -w shell "print >$work/done"
	await $work/done || exit 1
	print -r -- "== $line"
	sort -u $work/hits
done
zpty -d shell
