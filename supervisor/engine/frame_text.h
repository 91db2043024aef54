/*
 * Words from the peer, made fit for a log.
 */
#ifndef ENGINE_FRAME_TEXT_H
#define ENGINE_FRAME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Copy as a string in which every byte is printable; out has room for one more
 * than bytes.
 */
void frame_text_copy(char *out, const uint8_t *in, size_t bytes);

#endif
