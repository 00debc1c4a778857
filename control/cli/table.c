/* Aligned columns and human numbers. Widths are counted in what a terminal shows, so a topic or an
 * identity in any script keeps the columns straight, and one that holds escape sequences is shown,
 * not obeyed. */
#include "control/cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define GAP         2
#define NARROWEST   8
#define ELLIPSIS    "\xe2\x80\xa6"
#define REPLACEMENT 4 /* \xNN */

/* The code point at s, its length in *bytes; -1 if what stands there is not UTF-8 (RFC 3629). */
static int32_t decode(const char *s, unsigned *bytes)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s;

	*bytes = 1;
	if (p[0] < 0x80)
		return p[0];
	unsigned n = p[0] >= 0xf0 && p[0] < 0xf8 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
	if (n == 0 || p[0] >= 0xf8)
		return -1;
	uint32_t code = p[0] & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (p[i] & 0x3fu);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return -1;
	*bytes = n;
	return (int32_t)code;
}

/* Columns of one character, or -1: not to be sent to a terminal as it is. Bidirectional overrides
 * and their like have no width but reorder what stands around them. */
static int columns_of(int32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return -1;
	if (code < 0x300)
		return 1;
	if ((code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2060 && code <= 0x206f) || code == 0xfeff)
		return -1;
	int width = wcwidth((wchar_t)code);
	return width < 0 ? 1 : width;
}

unsigned text_width(const char *text)
{
	unsigned width = 0, bytes;

	for (; *text; text += bytes) {
		int columns = columns_of(decode(text, &bytes));

		width += columns < 0 ? 1 : (unsigned)columns;
	}
	return width;
}

char *text_printable(const char *text)
{
	char *out = malloc(strlen(text) * REPLACEMENT + 1), *to = out;
	unsigned bytes;

	if (out == NULL)
		abort();
	for (; *text; text += bytes) {
		if (columns_of(decode(text, &bytes)) >= 0) {
			memcpy(to, text, bytes);
			to += bytes;
			continue;
		}
		for (unsigned i = 0; i < bytes; i++)
			to += sprintf(to, "\\x%02x", (unsigned char)text[i]);
	}
	*to = '\0';
	return out;
}

void table_init(struct table *t)
{
	*t = (struct table){0};
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){0};
}

void table_cell(struct table *t, const char *text)
{
	if (t->cells == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		t->cell = reallocarray(t->cell, t->room, sizeof(*t->cell));
		if (t->cell == NULL)
			abort();
	}
	t->cell[t->cells++] = text_printable(text);
}

void table_column(struct table *t, const char *title, bool right)
{
	if (t->columns == TABLE_COLUMNS_MAX)
		return;
	t->right[t->columns++] = right;
	table_cell(t, title);
}

static void measure(const struct table *t, unsigned *width)
{
	memset(width, 0, t->columns * sizeof(*width));
	for (size_t i = 0; i < t->cells; i++) {
		unsigned w = text_width(t->cell[i]);

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
}

/* Takes what is too much from the widest text column, again and again, until all fits or none can
 * give more. Numbers are never cut: half a number is a lie. */
static void fit(const struct table *t, unsigned *width, unsigned limit)
{
	for (;;) {
		unsigned total = GAP * (t->columns - 1), widest = t->columns;

		for (unsigned i = 0; i < t->columns; i++) {
			total += width[i];
			if (!t->right[i] && width[i] > NARROWEST &&
			    (widest == t->columns || width[i] > width[widest]))
				widest = i;
		}
		if (total <= limit || widest == t->columns)
			return;
		width[widest]--;
	}
}

/* At most `width` columns of text, the last of them an ellipsis if something is left out. */
static unsigned print_cut(FILE *out, const char *text, unsigned width)
{
	unsigned used = 0, bytes, whole = text_width(text);
	unsigned room = whole > width ? width - 1 : width;

	for (; *text; text += bytes) {
		unsigned columns = (unsigned)columns_of(decode(text, &bytes));

		if (used + columns > room)
			break;
		fwrite(text, 1, bytes, out);
		used += columns;
	}
	if (whole > width) {
		fputs(ELLIPSIS, out);
		used++;
	}
	return used;
}

static void print_row(const struct table *t, FILE *out, char *const *cell, const unsigned *width)
{
	unsigned blanks = 0; /* owed before the next text, so that no line ends in them */

	for (unsigned i = 0; i < t->columns; i++) {
		unsigned w = text_width(cell[i]), pad = w < width[i] ? width[i] - w : 0;

		if (i > 0)
			blanks += GAP;
		if (t->right[i]) {
			blanks += pad;
			pad = 0;
		}
		if (*cell[i]) {
			fprintf(out, "%*s", (int)blanks, "");
			blanks = width[i] - print_cut(out, cell[i], width[i]);
			if (t->right[i])
				blanks = 0;
		} else {
			blanks += pad;
		}
	}
	fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, unsigned limit)
{
	unsigned width[TABLE_COLUMNS_MAX];

	if (t->columns == 0)
		return;
	measure(t, width);
	if (limit > 0)
		fit(t, width, limit);
	for (size_t i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, out, t->cell + i, width);
}

/* Three significant digits, so that a column of them reads at a glance. */
static const char *scaled(double n, double step, const char *const *unit, char *out)
{
	unsigned u = 0;

	while (n >= 999.5 && unit[u + 1]) {
		n /= step;
		u++;
	}
	int digits = u == 0 ? 0 : n < 9.995 ? 2 : n < 99.95 ? 1 : 0;
	snprintf(out, HUMAN_MAX, "%.*f%s", digits, n, unit[u]);
	return out;
}

const char *human_count(double n, char out[HUMAN_MAX])
{
	static const char *const unit[] = {"", "k", "M", "G", "T", "P", NULL};

	if (n < 9999.5) {
		snprintf(out, HUMAN_MAX, "%.0f", n);
		return out;
	}
	return scaled(n, 1000, unit, out);
}

const char *human_bytes(double n, char out[HUMAN_MAX])
{
	static const char *const unit[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", NULL};

	return scaled(n, 1024, unit, out);
}

const char *human_usec(double us, char out[HUMAN_MAX])
{
	static const char *const unit[] = {" us", " ms", " s", NULL};

	return scaled(us, 1000, unit, out);
}

const char *human_seconds(double seconds, char out[HUMAN_MAX])
{
	unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;

	if (s < 60)
		snprintf(out, HUMAN_MAX, "%llu s", s);
	else if (s < 3600)
		snprintf(out, HUMAN_MAX, "%llum %02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, HUMAN_MAX, "%lluh %02llum", s / 3600, s / 60 % 60);
	else
		snprintf(out, HUMAN_MAX, "%llud %02lluh", s / 86400, s / 3600 % 24);
	return out;
}
