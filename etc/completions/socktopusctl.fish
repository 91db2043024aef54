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

function __socktopusctl_command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case -s
                set -e words[1]
            case '-*'
            case '*'
                echo $words[1]
                return
        end
        set -e words[1]
    end
end

function __socktopusctl_is
    set -l command (__socktopusctl_command)
    if test (count $argv) -eq 0
        test -z "$command"
    else
        contains -- "$command" $argv
    end
end

complete -c socktopusctl -f
complete -c socktopusctl -n '__socktopusctl_is' -s h -d 'Show the usage'
complete -c socktopusctl -n '__socktopusctl_is' -s V -d 'Show the version'
complete -c socktopusctl -n '__socktopusctl_is; or __socktopusctl_is status watch why metrics exporter' \
    -s s -r -F -a '(__socktopusctl_sockets)' -d 'Control socket'

complete -c socktopusctl -n '__socktopusctl_is' -a status -d 'Show the tunnels and their paths'
complete -c socktopusctl -n '__socktopusctl_is' -a watch -d 'Show the paths again and again'
complete -c socktopusctl -n '__socktopusctl_is' -a why -d 'Say what limits a tunnel now'
complete -c socktopusctl -n '__socktopusctl_is' -a metrics -d 'Write OpenMetrics text'
complete -c socktopusctl -n '__socktopusctl_is' -a exporter -d 'Serve metrics and a page over HTTP'
complete -c socktopusctl -n '__socktopusctl_is' -a probe -d 'Dial a chain of relays and measure it'
complete -c socktopusctl -n '__socktopusctl_is' -a genkey -d 'Make a private key'
complete -c socktopusctl -n '__socktopusctl_is' -a genpsk -d 'Make a pre-shared key'
complete -c socktopusctl -n '__socktopusctl_is' -a pubkey -d 'Make the public key of a private one'
complete -c socktopusctl -n '__socktopusctl_is' -a version -d 'Show the version'
complete -c socktopusctl -n '__socktopusctl_is' -a help -d 'Show the usage'

complete -c socktopusctl -n '__socktopusctl_is status probe' -s j -d 'As JSON'
complete -c socktopusctl -n '__socktopusctl_is watch' -s c -x -d 'How often'
complete -c socktopusctl -n '__socktopusctl_is watch' -s i -x -d 'Seconds between two'
complete -c socktopusctl -n '__socktopusctl_is why' -s q -d 'The name of the limit'
complete -c socktopusctl -n '__socktopusctl_is why' -s t -x -d 'Seconds to watch'
complete -c socktopusctl -n '__socktopusctl_is exporter' -l listen -x -a '127.0.0.1:9461' -d 'Where to listen'
complete -c socktopusctl -n '__socktopusctl_is probe' -s a -r -F -d 'Credentials of proxies'
complete -c socktopusctl -n '__socktopusctl_is probe' -s i -r -F -d 'Private key'
complete -c socktopusctl -n '__socktopusctl_is probe' -s k -x -d 'Public key of the peer'
complete -c socktopusctl -n '__socktopusctl_is probe' -s n -x -d 'Connections'
complete -c socktopusctl -n '__socktopusctl_is probe' -s p -r -F -d 'Pre-shared key'
complete -c socktopusctl -n '__socktopusctl_is probe' -l to -x -d 'What the last hop is asked for'
complete -c socktopusctl -n '__socktopusctl_is probe' -a 'tcp:// socks:// http://'
