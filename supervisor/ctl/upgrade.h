/*
 * socktopusctl upgrade: have running processes become the program that is
 * installed now.
 */
#ifndef CTL_UPGRADE_H
#define CTL_UPGRADE_H

/*
 * The one behind the socket, or all that are found when it is NULL, one after
 * the other. Returns the exit status: failure if one of them stays what it is,
 * or if there is none.
 */
int upgrade_run(const char *socket);

#endif
