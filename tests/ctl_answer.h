/*
 * An answer to socktopusctl, with a word and a record that it does not know.
 */
#ifndef TESTS_CTL_ANSWER_H
#define TESTS_CTL_ANSWER_H

static const char ctl_answer[] =
    "process version=0.1 pid=4711 mode=file uptime_ms=123456\n"
    "tunnel name=7 role=connector state=up peer=far local=[::1]:1234 "
    "remote=127.0.0.1:1235 scheduler=earliest sent=100 delivered=90 "
    "novel=one%20more speed=12.5\n"
    "drop tunnel=7 cause=kernel count=3\n"
    "drop tunnel=7 cause=refused count=0\n"
    "ledger tunnel=7 direction=out state=open came_in=100 kernel=3 "
    "under_way=7 delivered=90 refused=0 duplicates=4\n"
    "ledger tunnel=7 direction=in state=unknown came_in=0 delivered=0\n"
    "path tunnel=7 uri=tcp://relay1:23461 state=up pid=4712 uptime_ms=61000 "
    "rtt_ms=12.345 tx_rate=2048 rx_rate=0 tx_bytes=1536 rx_bytes=0 "
    "tx_datagrams=100 rx_datagrams=0 restarts=2 last_error=\n"
    "path tunnel=7 uri=socks://s state=waiting pid=0 uptime_ms=0 rtt_ms=0.000 "
    "tx_bytes=0 rx_bytes=0 restarts=9 "
    "last_error=connect:%20Connection%20refused\n"
    "marvel tunnel=7 what=ever\n"
    "end\n";

#endif
