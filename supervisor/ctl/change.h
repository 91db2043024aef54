/*
 * The commands that change a running socktopus: one word after the other goes
 * to its control socket, and what it says against them is shown.
 */
#ifndef CTL_CHANGE_H
#define CTL_CHANGE_H

/*
 * argv[0] is reload, log, path, tunnel or peer. socket is NULL where exactly
 * one process runs. Returns an exit status: 2 for a usage error.
 */
int change_main(const char *socket, int argc, char **argv);

#endif
