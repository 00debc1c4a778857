/* Control's log: one line each on stderr, "zeroline-control: ...". Warnings and errors name the
 * thing, the value and the remedy. */
#ifndef ZL_CONTROL_LOG_H
#define ZL_CONTROL_LOG_H

enum zl_log_level {
	ZL_ERROR,
	ZL_WARN,
	ZL_INFO,
	ZL_DEBUG
};

/* A level's number by its name ("error", "warn", "info", "debug"), or -1. */
int zl_log_level_named(const char *name);
void zl_log_set(enum zl_log_level level);
/* Puts a question mark for every control character: what somebody else wrote stays one line. */
void zl_one_line(char *text);
void zl_log(enum zl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
