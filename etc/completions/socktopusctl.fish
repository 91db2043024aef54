# Completions of socktopusctl(8) for fish.

function __socktopusctl_sockets
    set -l folders /run/socktopus /tmp/socktopus-(id -u)
    set -q XDG_RUNTIME_DIR; and set -a folders $XDG_RUNTIME_DIR/socktopus
    for folder in $folders
        for socket in $folder/*.sock
            echo $socket
        end
    end
end

# The command and what follows it.
function __socktopusctl_line
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case -s
                set -e words[1]
            case '-*'
            case '*'
                string join \n -- $words
                return
        end
        set -e words[1]
    end
end

# True for one of the commands, for none of them before there is one.
function __socktopusctl_is
    set -l line (__socktopusctl_line)
    if test (count $argv) -eq 0
        not set -q line[1]
    else
        set -q line[1]; and contains -- $line[1] $argv
    end
end

# __socktopusctl_at N WORD...: there are N words, and these begin them.
function __socktopusctl_at
    set -l line (__socktopusctl_line)
    set -l words $argv[2..-1]
    set -l last (count $words)
    test (count $line) -eq $argv[1]
    and test "$line[1..$last]" = "$words"
end

# The same of N words or more.
function __socktopusctl_from
    set -l line (__socktopusctl_line)
    test (count $line) -ge $argv[1]
    and __socktopusctl_at (count $line) $argv[2..-1]
end

function __socktopusctl_names
    socktopusctl status 2>/dev/null | string replace -rf "^ *$argv[1]: " '' | sort -u
end

function __socktopusctl_paths
    set -l line (__socktopusctl_line)
    set -l inside 0
    for row in (socktopusctl status 2>/dev/null)
        if string match -q 'tunnel: *' -- $row
            string match -q "tunnel: $line[3]" -- $row; and set inside 1; or set inside 0
        else if test $inside = 1
            string match -r '^ +\S+://\S+' -- $row | string trim
        end
    end
end

complete -c socktopusctl -f
complete -c socktopusctl -n '__socktopusctl_is' -s h -l help -d 'Show the usage'
complete -c socktopusctl -n '__socktopusctl_is' -s V -l version -d 'Show the version'
complete -c socktopusctl -n '__socktopusctl_is; or __socktopusctl_is status why watch metrics upgrade reload exporter' \
    -s s -r -F -a '(__socktopusctl_sockets)' -d 'Control socket'

complete -c socktopusctl -n '__socktopusctl_is' -a status -d 'Show the tunnels and their paths'
complete -c socktopusctl -n '__socktopusctl_is' -a why -d 'Tell what limits a tunnel now'
complete -c socktopusctl -n '__socktopusctl_is' -a watch -d 'Show the paths again and again'
complete -c socktopusctl -n '__socktopusctl_is' -a metrics -d 'Write OpenMetrics text'
complete -c socktopusctl -n '__socktopusctl_is' -a upgrade -d 'Become the installed program in place'
complete -c socktopusctl -n '__socktopusctl_is' -a exporter -d 'Serve metrics and a page over HTTP'
complete -c socktopusctl -n '__socktopusctl_is' -a path -d 'Add, change and end paths'
complete -c socktopusctl -n '__socktopusctl_is' -a tunnel -d 'Add, end, stop and start tunnels'
complete -c socktopusctl -n '__socktopusctl_is' -a peer -d 'Admit and dismiss peers'
complete -c socktopusctl -n '__socktopusctl_is' -a reload -d 'Read the configuration again'
complete -c socktopusctl -n '__socktopusctl_is' -a log -d 'Set the level of the log'
complete -c socktopusctl -n '__socktopusctl_is' -a probe -d 'Dial a chain of relays and measure it'
complete -c socktopusctl -n '__socktopusctl_is' -a genkey -d 'Make a private key'
complete -c socktopusctl -n '__socktopusctl_is' -a genpsk -d 'Make a pre-shared key'
complete -c socktopusctl -n '__socktopusctl_is' -a pubkey -d 'Make the public key of a private one'
complete -c socktopusctl -n '__socktopusctl_is' -a version -d 'Show the version'
complete -c socktopusctl -n '__socktopusctl_is' -a help -d 'Show the usage'

complete -c socktopusctl -n '__socktopusctl_is status why probe' -s j -d 'As JSON'
complete -c socktopusctl -n '__socktopusctl_is why' -s q -d 'The names alone'
complete -c socktopusctl -n '__socktopusctl_is why' -s t -x -d 'How long to look'
for command in status why
    complete -c socktopusctl -n "__socktopusctl_at 1 $command" -a '(__socktopusctl_names tunnel)'
end
complete -c socktopusctl -n '__socktopusctl_is watch' -s c -x -d 'How often'
complete -c socktopusctl -n '__socktopusctl_is watch' -s i -x -d 'Seconds between two'
complete -c socktopusctl -n '__socktopusctl_is exporter' -l listen -x -a '127.0.0.1:9461' -d 'Where to listen'
complete -c socktopusctl -n '__socktopusctl_is probe' -s a -r -F -d 'Credentials of proxies'
complete -c socktopusctl -n '__socktopusctl_is probe' -s i -r -F -d 'Private key'
complete -c socktopusctl -n '__socktopusctl_is probe' -s k -x -d 'Public key of the peer'
complete -c socktopusctl -n '__socktopusctl_is probe' -s n -x -d 'Connections'
complete -c socktopusctl -n '__socktopusctl_is probe' -s p -r -F -d 'Pre-shared key'
complete -c socktopusctl -n '__socktopusctl_is probe' -l to -x -d 'What the last hop is asked for'
complete -c socktopusctl -n '__socktopusctl_is probe' -a 'tcp:// socks:// http://'

complete -c socktopusctl -n '__socktopusctl_at 1 log' -a 'fatal error warn notice info debug trace'
complete -c socktopusctl -n '__socktopusctl_at 1 path' -a 'add del drain set'
complete -c socktopusctl -n '__socktopusctl_at 1 tunnel' -a 'add del down up'
complete -c socktopusctl -n '__socktopusctl_at 1 peer' -a 'add del'
complete -c socktopusctl -n '__socktopusctl_at 2 path' -a '(__socktopusctl_names tunnel)'
for verb in del down up
    complete -c socktopusctl -n "__socktopusctl_at 2 tunnel $verb" -a '(__socktopusctl_names tunnel)'
end
for verb in del drain set
    complete -c socktopusctl -n "__socktopusctl_at 3 path $verb" -a '(__socktopusctl_paths)'
end
complete -c socktopusctl -n '__socktopusctl_at 3 path add' -a 'tcp:// socks:// http://'
for verb in add set
    complete -c socktopusctl -n "__socktopusctl_from 4 path $verb" -a 'auth= backup= congestion= count= interface= mptcp= rate_limit= source='
end
complete -c socktopusctl -n '__socktopusctl_from 3 tunnel add' -a 'auth= clients= clients_idle= copies= dead= destination= direct= failover= history= local= max_age= max_queue= path= peer= remote= reorder= resend= rotate= scheduler='
complete -c socktopusctl -n '__socktopusctl_from 4 peer add' -a 'clients= permit= psk='
complete -c socktopusctl -n '__socktopusctl_at 2 peer del' -a '(__socktopusctl_names peer)'
