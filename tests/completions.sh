#!/bin/bash
# The shells' completions, asked in the shells themselves: every command and
# every option that the program's usage names is offered, where it may stand.
. "$(dirname "$0")/lib.sh"

completions=$tests/../etc/completions
mapfile -t commands < <(sed -n 's/^	{ "\([a-z]*\)", .*/\1/p' \
    "$tests/../supervisor/ctl/main.c")
[ "${#commands[@]}" -ge 10 ] || fail "no commands in main.c"
# What runs is asked for by name.
need socat
PATH=$build:$PATH
install -d -m 700 "$run/socktopus"
socket=$run/socktopus/one.sock
cat >"$work/answer" <<END
process version=1 pid=1 mode=file uptime_ms=1
tunnel name=logs role=connector state=up peer=collector
path id=0 uri=tcp://127.0.0.1:7 state=up
tunnel name=other role=connector state=up peer=elsewhere
path id=0 uri=tcp://127.0.0.1:8 state=up
end
END
start one socat -d -d -t 1 "UNIX-LISTEN:$socket,fork" \
    "SYSTEM:read line; cat '$work/answer'"
await_line 5 one 'listening on AF='

# offers SHELL LINE WORD...: asked at the end of the line, each is offered.
offers() {
	local shell=$1 line=$2 word

	shift 2
	"ask_$shell" "$line" >"$work/offered"
	for word in "$@"; do
		grep -qxF -- "$word" "$work/offered" ||
		    fail "$shell: no $word after '$line': $(cat "$work/offered")"
	done
}

# Each command's options, by its usage.
"$build/socktopusctl" help | sed 's/^usage://; s/^ *socktopusctl//' |
    awk '/^ *(\[-s SOCKET\] )?[a-z]/ {
		i = $1 == "[-s" ? 3 : 1
		if (options != "")
			print command options
		command = $i
		# Behind path, tunnel and their like -s stands before the verb.
		options = i == 3 && $(i + 1) !~ /^[a-zA-Z]/ ? " -s" : ""
	}
	{
		while (match($0, /[[| ]--?[a-z]+/)) {
			option = substr($0, RSTART + 1, RLENGTH - 1)
			if (option != "-s" && option != "-")
				options = options " " option
			$0 = substr($0, RSTART + RLENGTH)
		}
	}
	END { if (options != "") print command options }' >"$work/options"
[ "$(wc -l <"$work/options")" -ge 6 ] || fail "no options in the usage"

# keys FILE PATTERN: of the file's, those that can be given by hand.
keys() {
	sed -n 's/.*{ "\([a-z_]*\)",.*/\1=/p' "$tests/../supervisor/$1" |
	    grep -Ev "^($2)="
}
mapfile -t path_keys < <(keys config_paths.c 'uri|use|uris')
mapfile -t tunnel_keys < <(keys config_tunnels.c \
    'name|paths|pool|tun_.*|unix_.*|use|uris')
[ "${#path_keys[@]}" -ge 8 ] || fail "keys of a path: ${path_keys[*]}"
[ "${#tunnel_keys[@]}" -ge 16 ] || fail "keys of a tunnel: ${tunnel_keys[*]}"
tunnel_keys+=(path= auth=)

# offers_all SHELL
offers_all() {
	offers "$1" 'socktopusctl ' "${commands[@]}"
	offers "$1" 'socktopusctl -' -h -s -V
	offers "$1" 'socktopusctl --' --help --version
	while read -r command options; do
		# shellcheck disable=SC2086 # words
		offers "$1" "socktopusctl $command -" $options
	done <"$work/options"
	offers "$1" 'socktopusctl st' status
	! grep -qx probe "$work/offered" || fail "$1: probe after st"
	offers "$1" 'socktopusctl -s /x st' status
	offers "$1" 'socktopusctl status -' -j -s
	offers "$1" 'socktopusctl status ' logs
	offers "$1" 'socktopusctl watch -' -c -i -s
	offers "$1" 'socktopusctl -s /x watch -' -c -i
	offers "$1" 'socktopusctl exporter --l' --listen
	offers "$1" 'socktopusctl probe -' -a -i -j -k -n -p --to
	offers "$1" 'socktopusctl status -s ' "$socket"
	offers "$1" 'socktopusctl why ' logs other
	offers "$1" 'socktopusctl why -' -j -q -s -t
	offers "$1" 'socktopusctl log ' debug
	offers "$1" 'socktopusctl path ' add del drain set
	offers "$1" 'socktopusctl path del ' logs other
	offers "$1" 'socktopusctl path del logs ' tcp://127.0.0.1:7
	! grep -q :8 "$work/offered" || fail "$1: a path of another tunnel"
	offers "$1" 'socktopusctl tunnel d' del down
	offers "$1" 'socktopusctl tunnel up ' logs
	offers "$1" 'socktopusctl peer del ' collector elsewhere
	offers "$1" 'socktopusctl path add logs tcp://a ' "${path_keys[@]}"
	offers "$1" 'socktopusctl path set logs tcp://a count=2 ' "${path_keys[@]}"
	offers "$1" 'socktopusctl tunnel add new peer=far ' "${tunnel_keys[@]}"
	offers "$1" 'socktopusctl peer add new KEY ' clients= permit= psk=
	note "$1: ${#commands[@]} commands"
}

ask_bash() {
	XDG_RUNTIME_DIR=$work/run bash --norc -c '
		. "$1"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$3
		complete -p socktopusctl >/dev/null && _socktopusctl
		printf "%s\n" "${COMPREPLY[@]}"
	' bash "$completions/socktopusctl" "$1" "${2-}"
}
offers_all bash
# Readline replaces what stands behind the last colon.
[ "$(ask_bash 'socktopusctl path del logs tcp:' ' :')" = //127.0.0.1:7 ] ||
    fail "bash: a URI after a colon"

# In a terminal of its own. What is offered is written down by compadd, and
# that it is complete by a key of ours that is typed after the tab.
ask_zsh() {
	rm -f "$work/zsh.ready" "$work/zsh.offered" "$work/zsh.done"
	ZDOTDIR=$work zsh -f "$work/ask.zsh" "$1"
	cat "$work/zsh.offered"
}
if command -v zsh >/dev/null; then
	zsh -n "$completions/_socktopusctl" || fail "zsh: syntax"
	cat >"$work/.zshrc" <<-ZSH
	fpath=($completions \$fpath)
	autoload -Uz compinit && compinit -u -d "$work/zsh.dump"
	compadd() {
		if [[ \${@[(I)-[OAD]*]} = 0 ]]; then
			typeset -a found
			builtin compadd -O found "\$@"
			print -l -- \$found >>"$work/zsh.offered"
		fi
		builtin compadd "\$@"
	}
	bindkey '^I' complete-word
	zle-line-init() { : >"$work/zsh.ready" }
	zle -N zle-line-init
	finished() { : >"$work/zsh.done" }
	zle -N finished
	bindkey '^X' finished
	ZSH
	cat >"$work/ask.zsh" <<-'ZSH'
	zmodload zsh/zpty
	await() {
		repeat 1000; do
			[[ -e $1 ]] && return
			sleep 0.02
		done
		print -u2 "no $1 in time"
		exit 1
	}
	zpty terminal zsh -i
	await "$ZDOTDIR/zsh.ready"
	zpty -wn terminal "$1"$'\t\C-x'
	await "$ZDOTDIR/zsh.done"
	zpty -d terminal
	ZSH
	offers_all zsh
fi

ask_fish() {
	HOME=$work/home fish --no-config -c \
	    "source '$completions/socktopusctl.fish'; complete -C '$1'" |
	    cut -f 1
}
if command -v fish >/dev/null; then
	fish --no-execute "$completions/socktopusctl.fish" ||
	    fail "fish: syntax"
	offers_all fish
fi
