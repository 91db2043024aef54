#!/bin/sh
# microsocks: SOCKS5 to anywhere, for one user; without -u and -P for everybody
# who can reach it. Its arguments, and so the password, can be seen by all
# local users.
read -r user password <'@PASSWORDS@'
exec microsocks -i @ADDRESS@ -p @PORT@ -u "$user" -P "$password"
