#!/bin/sh
# ssh -D: a SOCKS proxy here whose connections leave from the host of the
# arguments, which needs nothing but its sshd. There `permitopen` in
# authorized_keys, or PermitOpen in sshd_config, can bind a key to the listener.
exec ssh -N -D @ADDRESS@:@PORT@ -o ExitOnForwardFailure=yes \
    -o ServerAliveInterval=15 "$@"
