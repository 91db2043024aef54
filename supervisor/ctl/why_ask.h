/*
 * socktopusctl why: watch the processes for a while, then say what limits.
 */
#ifndef CTL_WHY_ASK_H
#define CTL_WHY_ASK_H

/* socket: one process, or NULL for all. Returns the exit status. */
int why_main(const char *socket, int argc, char **argv);

#endif
