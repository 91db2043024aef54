/*
 * socktopusctl probe: dial a chain of relays as a path does, and tell what it
 * is good for, or where and why it ends.
 */
#ifndef CTL_PROBE_H
#define CTL_PROBE_H

/* argv[0] is the command's name. Returns the exit status; 2: bad usage. */
int probe_main(int argc, char **argv);

#endif
