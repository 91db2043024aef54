/*
 * Lines for systemd's journal as datagrams with fields, in the form that
 * systemd.io/JOURNAL_NATIVE_PROTOCOL describes.
 */
#ifndef SUPERVISOR_LOG_JOURNAL_H
#define SUPERVISOR_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* All texts are one line each. */
struct log_journal_entry {
	int priority; /* of syslog(3) */
	const char *role;
	const char *subject;  /* "TUNNEL", "TUNNEL/URI" */
	size_t subject_bytes; /* 0: none */
	const char *message;
	size_t message_bytes;
};

/* Does the journal read fd, as its reader says in JOURNAL_STREAM? */
bool log_journal_reads(int fd);

/* A socket that leads to it and never blocks; -1 with errno. */
int log_journal_open(const char *path);

/* False with errno if it was not taken. One system call, a write. */
bool log_journal_send(int fd, const struct log_journal_entry *entry);

#endif
