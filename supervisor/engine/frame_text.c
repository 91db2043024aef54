#include "supervisor/engine/frame_text.h"

void
frame_text_copy(char *out, const uint8_t *in, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		out[i] = in[i] >= 0x20 && in[i] <= 0x7e ? (char)in[i] : '?';
	out[bytes] = '\0';
}
