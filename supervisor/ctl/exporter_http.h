/*
 * The exporter's HTTP side: which address holds what. Only this module sees
 * libmicrohttpd.
 */
#ifndef CTL_EXPORTER_HTTP_H
#define CTL_EXPORTER_HTTP_H

struct sockaddr_storage;

/*
 * Take over a listening, non-blocking socket and make all that is needed to
 * serve it. control is the control socket to ask, NULL for all that are found;
 * it must live as long. Ends the process if that fails. address is what was
 * listened on: a page on loopback is given to nobody who calls this system by
 * another name, as a foreign page in the user's browser can.
 */
void exporter_http_open(int fd, const struct sockaddr_storage *address,
    const char *control);

/* Opens no thread and no file. */
void exporter_http_serve(void) __attribute__((noreturn));

#endif
