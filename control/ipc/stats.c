/* The shape of the stats segment, its making by the dataplane and its mapping by control. A
 * mapped segment is sealed against shrinking, so reading it can neither fault nor run outside. */
#include "control/ipc/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTERS_MAX 4096u
#define PEERS_MAX    (1u << 24) /* slots a core; with the others it keeps all sums within 64 bits */

static uint64_t take(uint64_t *at, uint64_t bytes)
{
	uint64_t start = *at;

	*at = (start + bytes + 63) & ~63ull;
	return start;
}

uint64_t zl_stats_layout(struct zl_stats_header *h)
{
	uint64_t at = 0;

	take(&at, sizeof(*h));
	h->counters_at = take(&at, (uint64_t)h->counters * sizeof(struct zl_stats_counter));
	h->values_at = take(&at, h->cores * zl_stats_row_bytes(h));
	h->cores_at = take(&at, (uint64_t)h->cores * sizeof(struct zl_stats_core));
	h->ports_at = take(&at, (uint64_t)h->cores * h->ports * sizeof(struct zl_stats_port));
	h->peers_at = take(&at, (uint64_t)h->cores * h->peers * sizeof(struct zl_stats_peer));
	h->sockets_at = take(&at, (uint64_t)h->cores * ZL_STATS_SOCKETS *
					  sizeof(struct zl_stats_socket));
	h->sources_at = take(&at, (uint64_t)h->cores * ZL_STATS_SOURCES *
					  sizeof(struct zl_stats_source));
	h->bytes = at;
	return at;
}

static bool shape_sane(const struct zl_stats_header *h)
{
	return h->cores <= ZL_CORES_MAX && h->ports <= ZL_IPC_PORTS_MAX &&
	       h->counters <= COUNTERS_MAX && h->peers <= PEERS_MAX;
}

/* The one mapping that may write is the one made before sealing. */
static int seal(int fd)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_FUTURE_WRITE) == 0)
		return 0;
	return fcntl(fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int zl_stats_create(struct zl_stats_header *shape, void **base)
{
	*base = NULL;
	if (!shape_sane(shape))
		return -EINVAL;
	shape->magic = ZL_STATS_MAGIC;
	shape->version = ZL_STATS_VERSION;
	zl_stats_layout(shape);

	int fd = memfd_create("zeroline-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	void *map = MAP_FAILED;
	int err = 0;
	if (ftruncate(fd, (off_t)shape->bytes) == 0)
		map = mmap(NULL, shape->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   fd, 0);
	if (map == MAP_FAILED)
		err = -errno;
	else
		err = seal(fd);
	if (err) {
		if (map != MAP_FAILED)
			munmap(map, shape->bytes);
		close(fd);
		return err;
	}
	memcpy(map, shape, sizeof(*shape));
	*base = map;
	return fd;
}

/* The offsets must be the very ones that this shape gives. */
static bool header_sane(const struct zl_stats_header *h, uint64_t file_bytes)
{
	struct zl_stats_header want = *h;

	if (h->magic != ZL_STATS_MAGIC || h->version != ZL_STATS_VERSION || !shape_sane(&want))
		return false;
	zl_stats_layout(&want);
	return memcmp(&want, h, sizeof(want)) == 0 && want.bytes <= file_bytes;
}

const struct zl_stats_header *zl_stats_map(int fd)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 ||
	    (uint64_t)st.st_size < sizeof(struct zl_stats_header))
		return NULL;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	/* Unmapping goes by the header's size: the two must be one. */
	const struct zl_stats_header *h = map;
	if (header_sane(h, (uint64_t)st.st_size) && h->bytes == (uint64_t)st.st_size)
		return h;
	munmap(map, (size_t)st.st_size);
	return NULL;
}

void zl_stats_unmap(const struct zl_stats_header *h)
{
	if (h)
		munmap((void *)(uintptr_t)h, h->bytes);
}
