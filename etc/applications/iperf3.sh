#!/bin/sh
# What a tunnel carries, by iperf3. On the connector
#
#	local = "5201:5202"; remote = "5202:5201";
#
# iperf3 speaks over a TCP connection to the same port first, which needs a way
# of its own, such as `ssh -N -L 5201:127.0.0.1:5201 LISTENER`. On the listener
#
#	iperf3 -s -B 127.0.0.1
#
# and here, as arguments: how long, in seconds, and the rate, each way.

iperf3 -u -c 127.0.0.1 --cport 5202 -l 1200 -t "$1" -b "$2" || exit
exec iperf3 -u -c 127.0.0.1 --cport 5202 -l 1200 -t "$1" -b "$2" -R
