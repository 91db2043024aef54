/*
 * socktopusctl exporter: metrics for Prometheus and a page for people over
 * HTTP, by a process that may do nothing but ask control sockets.
 */
#ifndef CTL_EXPORTER_H
#define CTL_EXPORTER_H

/*
 * Serve until a signal ends it, or return the exit status. Of one control
 * socket, or of all that are found when it is NULL. argv[0] is the command.
 */
int exporter_main(const char *socket, int argc, char **argv);

#endif
