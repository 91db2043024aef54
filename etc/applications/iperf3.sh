#!/bin/sh
# What a tunnel carries, by iperf3. On the connector
#
#	local = "5201:5202"; remote = "5202:5201"; reorder = 20;
#
# iperf3 speaks over a TCP connection to the same port first, which needs a way
# of its own, such as `ssh -N -L 5201:127.0.0.1:5201 LISTENER`. On the listener
#
#	iperf3 -s -B 127.0.0.1
#
# and here, as arguments: how long, in seconds, and the rate, each way.
#
# iperf3 does not read yet when the first datagrams come back, and its receive
# buffer holds less than 20 ms of 50 Mbit/s: -w makes it twice as large, with more
# where net.core.rmem_max permits it. What is lost there stands under RcvbufErrors
# in /proc/net/snmp, and nowhere in the tunnel. What is still overtaken when it
# stops counts as lost too: hence reorder.

run() {
	iperf3 -u -c 127.0.0.1 --cport 5202 -l 1200 -w 400K "$@"
}

run -t "$1" -b "$2" && run -t "$1" -b "$2" -R
