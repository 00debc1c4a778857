/* A file in memory, for parsers that open one by its name. One at a time. */
#ifndef ZL_TESTS_FUZZ_MEMORY_FILE_H
#define ZL_TESTS_FUZZ_MEMORY_FILE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/feed.h"

/* With these bytes from now on; its name. */
static inline const char *memory_file(const void *bytes, size_t n)
{
	static char name[32];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, 0) == 0);
	require(pwrite(fd, bytes, n, 0) == (ssize_t)n);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return name;
}

#endif
