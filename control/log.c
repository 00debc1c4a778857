/* Lines go out by one write each, so that those of several processes do not mix. */
#include "control/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum zl_log_level limit = ZL_INFO;

int zl_log_level_named(const char *name)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	for (int i = 0; i < 4; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

void zl_log_set(enum zl_log_level level)
{
	limit = level;
}

void zl_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '\x7f')
			*text = '?';
}

void zl_log(enum zl_log_level level, const char *format, ...)
{
	char line[1024] = "zeroline-control: ";
	size_t at = strlen(line);
	va_list args;

	if (level > limit)
		return;
	va_start(args, format);
	int n = vsnprintf(line + at, sizeof(line) - at - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	zl_one_line(line);
	at = strlen(line);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}
