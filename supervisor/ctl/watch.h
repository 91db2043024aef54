/*
 * socktopusctl watch: the status again and again, as a table that stays where
 * it is on a terminal, as lines elsewhere.
 */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

/*
 * Of one control socket, or of all that are found when it is NULL. argv[0] is
 * the command. Returns the exit status.
 */
int watch_main(const char *socket, int argc, char **argv);

#endif
