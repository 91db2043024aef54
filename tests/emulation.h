/*
 * The links of tests/linkem: each joins two TUN devices by two lanes.
 */
#ifndef TESTS_EMULATION_H
#define TESTS_EMULATION_H

#include <stddef.h>
#include <stdint.h>

#define EMULATION_LINKS_MAX 64
#define EMULATION_ANSWER_MAX ((size_t)16384)

/*
 * "NAME near=NAMESPACE:ADDRESS far=NAMESPACE:ADDRESS SETTING...": make both
 * devices. Ends the program if that cannot be.
 */
void emulation_add(const char *description);

/*
 * One command in words: "status", or "NAME SETTING...", where the name may be
 * "all" and a setting may have "up." (near to far) or "down." before it. The
 * answer is text.
 */
void emulation_command(char *command, char answer[EMULATION_ANSWER_MAX]);

/*
 * Carry packets until end_fd is readable, calling serve(command_fd) whenever
 * that is.
 */
void emulation_run(int end_fd, int command_fd, void (*serve)(int command_fd));

#endif
