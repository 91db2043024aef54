/*
 * What is spoken over a probed connection, from message 1 on.
 */
#ifndef CTL_PROBE_SESSION_H
#define CTL_PROBE_SESSION_H

struct probe_link;

/* Message 1 waits in the ring until the connection stands. */
void probe_session_begin(struct probe_link *link);

/* Take what has come: message 2, then frames. */
void probe_session_receive(struct probe_link *link);

/* A PING if one is due, and padding if the link is loading. */
void probe_session_send(struct probe_link *link);

/* Say CLOSE. */
void probe_session_close(struct probe_link *link);
void probe_session_free(struct probe_link *link);

#endif
