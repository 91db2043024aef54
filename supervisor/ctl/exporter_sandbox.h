/*
 * The exporter's lock-in.
 */
#ifndef CTL_EXPORTER_SANDBOX_H
#define CTL_EXPORTER_SANDBOX_H

/*
 * From here on: no file is opened, only folders, to find control sockets; no
 * connection leaves but to a socket in the file system; nothing is bound,
 * started, signalled or traced. seccomp must be there, Landlock is used as the
 * kernel has it. Ends the process if a step fails.
 */
void exporter_sandbox_enter(void);

#endif
