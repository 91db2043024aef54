/*
 * Feeds every file named in the arguments, and every file of every folder
 * named there, to a fuzz target, so that its corpus is replayed without
 * libFuzzer. A folder without files is an error: nothing would be tested.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
replay_file(const char *name)
{
	FILE *file = fopen(name, "rbe");
	uint8_t *input;
	size_t size;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) == -1 ||
	    (end = ftell(file)) == -1)
		err(EXIT_FAILURE, "%s", name);
	rewind(file);
	/* Exactly as long as the input, so that a sanitizer sees its end. */
	size = (size_t)end;
	input = malloc(size > 0 ? size : 1);
	if (input == NULL || fread(input, 1, size, file) != size)
		err(EXIT_FAILURE, "%s", name);
	fclose(file);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
}

/* Files in the folder that were fed. */
static unsigned int
replay_folder(const char *name, DIR *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int files = 0;

	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		replay_file(path);
		files++;
	}
	if (files == 0)
		errx(EXIT_FAILURE, "%s: no files", name);
	return files;
}

int
main(int argc, char **argv)
{
	unsigned int files = 0;
	DIR *folder;
	int i;

	if (argc < 2)
		errx(EXIT_FAILURE, "usage: %s FILE|FOLDER ...", argv[0]);
	for (i = 1; i < argc; i++) {
		folder = opendir(argv[i]);
		if (folder != NULL) {
			files += replay_folder(argv[i], folder);
			closedir(folder);
		} else if (errno == ENOTDIR) {
			replay_file(argv[i]);
			files++;
		} else
			err(EXIT_FAILURE, "%s", argv[i]);
	}
	printf("%s: %u inputs\n", argv[0], files);
	return EXIT_SUCCESS;
}
