/* Z85 (RFC 32): four bytes as five characters. */
#include "control/security/security.h"

#include <string.h>

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       ".-:+=^!/*?&<>()[]{}@%$#";

void zl_z85_encode(char text[ZL_Z85_KEY + 1], const uint8_t key[ZL_KEY_BYTES])
{
	for (unsigned i = 0; i < ZL_KEY_BYTES / 4; i++) {
		uint32_t word = (uint32_t)key[4 * i] << 24 | (uint32_t)key[4 * i + 1] << 16 |
				(uint32_t)key[4 * i + 2] << 8 | key[4 * i + 3];

		for (int c = 4; c >= 0; c--, word /= 85)
			text[5 * i + (unsigned)c] = alphabet[word % 85];
	}
	text[ZL_Z85_KEY] = '\0';
}

bool zl_z85_decode(uint8_t key[ZL_KEY_BYTES], const char *text)
{
	if (strlen(text) != ZL_Z85_KEY)
		return false;
	for (unsigned i = 0; i < ZL_KEY_BYTES / 4; i++) {
		uint64_t word = 0;

		for (unsigned c = 0; c < 5; c++) {
			const char *at = strchr(alphabet, text[5 * i + c]);

			if (!at)
				return false;
			word = word * 85 + (uint64_t)(at - alphabet);
		}
		if (word > UINT32_MAX)
			return false;
		for (unsigned b = 0; b < 4; b++)
			key[4 * i + b] = (uint8_t)(word >> (24 - 8 * b));
	}
	return true;
}
