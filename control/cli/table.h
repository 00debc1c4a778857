/* Tables and numbers for people: columns aligned by what a terminal shows, numbers to the right,
 * nothing a stranger sent reaches the terminal unescaped. */
#ifndef ZL_CONTROL_CLI_TABLE_H
#define ZL_CONTROL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 32
#define HUMAN_MAX         24 /* bytes that hold any human_*() text */

struct table {
	unsigned columns;
	bool right[TABLE_COLUMNS_MAX];
	char **cell; /* printable UTF-8, row by row; row 0 is the header */
	size_t cells, room;
};

void table_init(struct table *t);
void table_free(struct table *t);
/* Columns first, then the cells of one row after another (text is copied and made printable). */
void table_column(struct table *t, const char *title, bool right);
void table_cell(struct table *t, const char *text);
/* width: of the terminal; the widest text columns give way to fit, ending in an ellipsis. 0: no
 * limit. No line has blanks at its end. */
void table_print(const struct table *t, FILE *out, unsigned width);

/* Columns that a terminal needs to show printable UTF-8 text. */
unsigned text_width(const char *text);
/* A copy in which control characters and what is not UTF-8 read \xNN; to be freed. */
char *text_printable(const char *text);

/* 9999, 12.3k, 4.56M; 512 B, 1.50 KiB; 1.5 ms; 45 s, 3m 12s, 2h 05m, 3d 04h. */
const char *human_count(double n, char out[HUMAN_MAX]);
const char *human_bytes(double n, char out[HUMAN_MAX]);
const char *human_usec(double us, char out[HUMAN_MAX]);
const char *human_seconds(double s, char out[HUMAN_MAX]);

#endif
