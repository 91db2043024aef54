/*
 * Configuration files as text, before libconfig sees them.
 */
#ifndef SUPERVISOR_CONFIG_TEXT_H
#define SUPERVISOR_CONFIG_TEXT_H

/* The whole file, to be freed. NULL with errno: EFBIG, EILSEQ for a NUL ... */
char *config_text_read(const char *file);

/* Wipe and free: there are passwords in it. Safe on NULL. */
void config_text_free(char *text);

/*
 * Check that whatever is @include'd, here and further down, is a file and no
 * folder or device: libconfig ends the process over those. name is the text's
 * own. 0, or -1 with a line in error, which has CONFIG_ERROR_MAX bytes.
 */
int config_text_check_includes(const char *text, const char *name, char *error);

#endif
