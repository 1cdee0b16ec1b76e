/*
 * chain_test.c - bytes of events, the Merkle tree against a slow obvious one
 * and against known roots, proofs, and the texts that facesnxt-verify reads.
 */
#include "chain/event.h"
#include "chain/merkle.h"
#include "verify/text.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define LEAVES 130

static fx_hash leaves[LEAVES];

/* RFC 6962, 2.1, word for word. */
static fx_hash
slow_root(const fx_hash *from, uint64_t size)
{
	uint64_t	k = 1;
	fx_hash		hash = {{0}};
	fx_hash		left;
	fx_hash		right;

	if (size == 0)
	{
		fx_sha256(NULL, 0, hash.bytes);
		return hash;
	}
	if (size == 1)
		return *from;
	while (k * 2 < size)
		k *= 2;
	left = slow_root(from, k);
	right = slow_root(from + k, size - k);
	return fx_merkle_pair(&left, &right);
}

static int	asked;

/* Knows leaves, and every third height: what lies between must be computed. */
static bool
node(void *context, int height, uint64_t index, fx_hash *hash)
{
	asked++;
	if (height % 3 != 0 || ((index + 1) << height) > LEAVES)
		return false;
	*hash = slow_root(leaves + (index << height), (uint64_t) 1 << height);
	return true;
}

static const fx_tree tree = {node, NULL};

static bool
same(const fx_hash *one, const fx_hash *other)
{
	return memcmp(one, other, sizeof(fx_hash)) == 0;
}

static fx_hash
hash_of_hex(const char *hex)
{
	fx_hash		hash;

	for (int i = 0; i < FX_SHA256_SIZE; i++)
		sscanf(hex + 2 * i, "%2hhx", &hash.bytes[i]);
	return hash;
}

/* The leaves and roots that every implementation of RFC 6962 is tested with. */
static void
known_roots(void)
{
	static const struct
	{
		const char *bytes;
		size_t		size;
		const char *root;
	}			known[] = {
		{"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
		{"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
		{"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
		{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	};
	fx_frontier frontier = {0};
	fx_hash		nothing = hash_of_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	fx_hash		root = fx_frontier_root(&frontier);

	ok(same(&root, &nothing), "RFC 6962: the root of no leaf");
	for (int i = 0; i < 8; i++)
	{
		fx_hash		leaf = {{0}};
		fx_hash		wanted = hash_of_hex(known[i].root);

		fx_event_hash((const uint8_t *) known[i].bytes, known[i].size, leaf.bytes);
		fx_frontier_add(&frontier, &leaf);
		root = fx_frontier_root(&frontier);
		ok(same(&root, &wanted), "RFC 6962: the root of %d leaves", i + 1);
	}
}

static void
roots_and_proofs(void)
{
	fx_frontier frontier = {0};
	int			roots = 0,
				inclusions = 0,
				forged = 0,
				consistencies = 0,
				pairs = 0,
				lies = 0;
	fx_error	why;

	for (uint64_t size = 0; size <= LEAVES; size++)
	{
		fx_hash		root;
		fx_hash		slow = slow_root(leaves, size);
		fx_hash		grown = fx_frontier_root(&frontier);

		roots += fx_merkle_root(&tree, size, &root, &why) == FX_OK && same(&root, &slow) && same(&grown, &slow);
		for (uint64_t leaf = 0; leaf < size; leaf++)
		{
			fx_hash		proof[FX_PROOF_LIMIT];
			int			count;

			if (fx_merkle_inclusion(&tree, leaf, size, proof, &count, &why) == FX_OK
				&& fx_merkle_check_inclusion(&leaves[leaf], leaf, size, proof, count, &root))
				inclusions++;
			/* another leaf, place, size, a flipped bit, one hash fewer or more */
			forged += fx_merkle_check_inclusion(&leaves[(leaf + 1) % LEAVES], leaf, size, proof, count, &root);
			forged += leaf + 1 < size && fx_merkle_check_inclusion(&leaves[leaf], leaf + 1, size, proof, count, &root);
			if (count > 0)
			{
				proof[count / 2].bytes[leaf % 32] ^= 1;
				forged += fx_merkle_check_inclusion(&leaves[leaf], leaf, size, proof, count, &root);
				proof[count / 2].bytes[leaf % 32] ^= 1;
				forged += fx_merkle_check_inclusion(&leaves[leaf], leaf, size, proof, count - 1, &root);
			}
			proof[count] = root;
			forged += fx_merkle_check_inclusion(&leaves[leaf], leaf, size, proof, count + 1, &root);
		}
		for (uint64_t first = 1; first <= size; first++)
		{
			fx_hash		first_root = slow_root(leaves, first);
			fx_hash		other = slow_root(leaves + (first < LEAVES ? 1 : 0), first < LEAVES ? first : first - 1);
			fx_hash		proof[FX_PROOF_LIMIT];
			int			count;

			pairs++;
			consistencies += fx_merkle_consistency(&tree, first, size, proof, &count, &why) == FX_OK
				&& fx_merkle_check_consistency(first, &first_root, size, &root, proof, count);
			lies += fx_merkle_check_consistency(first, &other, size, &root, proof, count);
			lies += fx_merkle_check_consistency(first, &first_root, size, &other, proof, count);
			if (count > 0)
			{
				proof[0].bytes[first % 32] ^= 4;
				lies += fx_merkle_check_consistency(first, &first_root, size, &root, proof, count);
				lies += fx_merkle_check_consistency(first, &first_root, size, &root, proof, count - 1);
			}
		}
		if (size < LEAVES)
			fx_frontier_add(&frontier, &leaves[size]);
	}
	ok(roots == LEAVES + 1, "roots of 0 to %d leaves are those of the definition", LEAVES);
	ok(inclusions == LEAVES * (LEAVES + 1) / 2, "every leaf is proven in every tree that has it");
	ok(forged == 0, "no forged proof of inclusion is taken (%d were)", forged);
	ok(consistencies == pairs, "every tree is proven to begin with each smaller one");
	ok(lies == 0, "no forged proof of consistency is taken (%d were)", lies);
}

/* Tiles are the complete subtrees, each once, when its last leaf comes. */
static void
tiles(void)
{
	static fx_tiles grown;
	static fx_frontier first;
	fx_hash		complete[FX_TILE_LEVELS];
	int			counted[3] = {0};
	bool		right = true;

	for (int i = 0; i < 65536 + 300; i++)
	{
		fx_hash		leaf = leaves[i % LEAVES];
		int			count = fx_tiles_add(&grown, &leaf, complete);

		right = right && count == ((i + 1) % 65536 == 0 ? 2 : (i + 1) % 256 == 0 ? 1 : 0);
		for (int level = 0; level < count; level++)
			counted[level]++;
		if (i < 65536)
		{
			fx_hash		root;

			fx_frontier_add(&first, &leaf);
			root = fx_frontier_root(&first);
			if (i == 255 || i == 65535)
				right = right && same(&root, &complete[count - 1]);
		}
	}
	ok(right && counted[0] == 257 && counted[1] == 1 && counted[2] == 0,
	   "tiles of 256 and 65536 leaves, and their roots");
}

static void
limits_of_trees(void)
{
	fx_hash		proof[FX_PROOF_LIMIT];
	fx_hash		root;
	int			count;
	fx_error	why;

	ok(fx_merkle_inclusion(&tree, 5, 5, proof, &count, &why) == FX_RANGE, "no proof of a leaf that is not there");
	ok(fx_merkle_consistency(&tree, 0, 5, proof, &count, &why) == FX_RANGE, "no proof from no log");
	ok(fx_merkle_consistency(&tree, 6, 5, proof, &count, &why) == FX_RANGE, "no proof from a longer log");
	ok(fx_merkle_root(&tree, (uint64_t) 1 << 40, &root, &why) == FX_MALFORMED,
	   "a tree with leaves missing is an error");
	asked = 0;
	ok(fx_merkle_root(&tree, LEAVES, &root, &why) == FX_OK && asked < LEAVES, "a root is not made of every leaf");
}

static void
events(void)
{
	fx_event	event = {.seq = 0x0102030405060708, .at = -1, .happened = 1700000000000000, .transaction = 77,
	.operation = 'I',
	.relation = "search", .relation_size = 6, .acting = "a\"b", .acting_size = 3, .session = "", .session_size = 0};
	fx_event	back;
	uint8_t		bytes[FX_EVENT_SIZE_LIMIT];
	uint8_t		again[FX_EVENT_SIZE_LIMIT];
	size_t		size;
	size_t		again_size;
	fx_error	why;
	int			taken = 0;
	static char long_name[FX_EVENT_TEXT_LIMIT + 1];

	memset(event.commitment, 7, sizeof(event.commitment));
	memset(event.previous, 9, sizeof(event.previous));
	ok(fx_event_encode(&event, bytes, &size, &why) == FX_OK && size == 5 + 32 + 1 + 6 + 9 + 64, "an event is encoded");
	ok(bytes[5] == 1 && bytes[12] == 8 && bytes[13] == 0xff && bytes[37] == 'I' && bytes[39] == 6 && bytes[40] == 's',
	   "its bytes are where event.h says");
	ok(fx_event_decode(bytes, size, &back, &why) == FX_OK && back.seq == event.seq && back.at == -1
	   && back.acting_size == 3 && memcmp(back.acting, "a\"b", 3) == 0 && back.previous[31] == 9, "and read again");
	ok(fx_event_encode(&back, again, &again_size, &why) == FX_OK && again_size == size
	   && memcmp(bytes, again, size) == 0,
	   "what was read is written as it was");
	for (size_t cut = 0; cut < size; cut++)
		taken += fx_event_decode(bytes, cut, &back, &why) == FX_OK;
	ok(taken == 0, "no part of an event is one");
	bytes[size] = 0;
	ok(fx_event_decode(bytes, size + 1, &back, &why) == FX_MALFORMED, "nothing follows");
	bytes[4] = 2;
	ok(fx_event_decode(bytes, size, &back, &why) == FX_UNSUPPORTED, "another version is said to be one");
	event.relation = long_name;
	event.relation_size = sizeof(long_name);
	ok(fx_event_encode(&event, bytes, &size, &why) == FX_LIMIT, "a name is not longer than a name");
}

static void
commitments(void)
{
	uint8_t		salt[FX_SALT_SIZE] = {1};
	uint8_t		digest[4][FX_SHA256_SIZE];
	uint8_t		one[FX_SHA256_SIZE];
	uint8_t		other[FX_SHA256_SIZE];

	fx_row_digest("ab", 2, "c", 1, "d", 1, digest[0]);
	fx_row_digest("a", 1, "bc", 2, "d", 1, digest[1]);
	fx_row_digest("ab", 2, "cd", 2, "", 0, digest[2]);
	fx_row_digest("ab", 2, "", 0, "cd", 2, digest[3]);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			ok(memcmp(digest[i], digest[j], FX_SHA256_SIZE) != 0,
			   "relation, key and row are not taken for one another (%d, %d)", i, j);
	fx_row_commitment(salt, digest[0], one);
	salt[15] ^= 1;
	fx_row_commitment(salt, digest[0], other);
	ok(memcmp(one, other, FX_SHA256_SIZE) != 0, "a commitment depends on its salt");
}

/* ---- texts */

static int	reported;

static void
count_report(void *context, uint64_t line, const char *what)
{
	reported++;
}

static char *
base64(char *to, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3)
	{
		uint32_t	bits = (uint32_t) bytes[i] << 16
			| (i + 1 < size ? bytes[i + 1] << 8 : 0) | (i + 2 < size ? bytes[i + 2] : 0);

		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
		*to++ = i + 2 < size ? digits[bits & 63] : '=';
	}
	return to;
}

#define EVENTS 40

/* A log of events as the server exports it; offsets of its lines, and its roots. */
static char *
make_log(size_t offsets[EVENTS + 1], fx_hash roots[EVENTS + 1], fx_hash *first)
{
	char	   *text = malloc(EVENTS * 2 * FX_EVENT_SIZE_LIMIT);
	char	   *to = text + sprintf(text, "facesnxt log 1\n");
	fx_frontier frontier = {0};
	fx_event	event = {.operation = 'I', .relation = "search", .relation_size = 6, .acting = "ann", .acting_size = 3};

	roots[0] = fx_frontier_root(&frontier);
	for (int i = 0; i < EVENTS; i++)
	{
		uint8_t		bytes[FX_EVENT_SIZE_LIMIT];
		size_t		size;
		fx_hash		hash = {{0}};

		event.seq = i;
		event.at = i / 2;
		event.commitment[0] = i;
		fx_event_encode(&event, bytes, &size, NULL);
		fx_event_hash(bytes, size, hash.bytes);
		if (i == 0)
			*first = hash;
		memcpy(event.previous, hash.bytes, FX_SHA256_SIZE);
		fx_frontier_add(&frontier, &hash);
		roots[i + 1] = fx_frontier_root(&frontier);
		offsets[i] = to - text;
		to = base64(to, bytes, size);
		*to++ = '\n';
	}
	*to = '\0';
	offsets[EVENTS] = to - text;
	return text;
}

static bool
check(const char *text, fx_log *log)
{
	char	   *copy = strdup(text);
	bool		sound;

	reported = 0;
	log->report = count_report;
	sound = fx_check_log(copy, log);
	free(copy);
	return sound;
}

static void
whole_logs(void)
{
	size_t		at[EVENTS + 1];
	fx_hash		roots[EVENTS + 1];
	fx_hash		first;
	char	   *text = make_log(at, roots, &first);
	char	   *broken = malloc(at[EVENTS] + 1);
	fx_checkpoint kept = {.size = 17, .root = roots[17]};
	fx_log		log = {.checkpoints = &kept, .checkpoint_count = 1};
	int			taken = 0;

	fx_origin(&first, kept.origin);
	ok(check(text, &log) && log.size == EVENTS && same(&log.root, &roots[EVENTS]) && reported == 0, "a log is sound");
	for (size_t i = at[0]; i < at[EVENTS]; i++)
	{
		/* every character of it */
		memcpy(broken, text, at[EVENTS] + 1);
		broken[i] = broken[i] == 'A' ? 'B' : 'A';
		taken += check(broken, &log) && same(&log.root, &roots[EVENTS]);
	}
	ok(taken == 0, "a change of any character is seen (%d were not)", taken);
	taken = 0;
	for (int i = 0; i < EVENTS - 1; i++)
	{
		memcpy(broken, text, at[i]);
		strcpy(broken + at[i], text + at[i + 1]);
		taken += check(broken, &log);
	}
	ok(taken == 0, "an event that is missing is seen");
	taken = 0;
	for (int i = 0; i < EVENTS - 1; i++)
	{
		size_t		second = at[i + 2 <= EVENTS ? i + 2 : EVENTS] - at[i + 1];

		memcpy(broken, text, at[EVENTS] + 1);
		memcpy(broken + at[i], text + at[i + 1], second);
		memcpy(broken + at[i] + second, text + at[i], at[i + 1] - at[i]);
		taken += check(broken, &log);
	}
	ok(taken == 0, "two events that changed places are seen");
	taken = 0;
	for (int i = 1; i < 17; i++)
	{
		memcpy(broken, text, at[i]);
		broken[at[i]] = '\0';
		taken += check(broken, &log);
	}
	ok(taken == 0, "a log that was cut before the checkpoint is seen");
	broken[at[16]] = '\0';
	log.checkpoint_count = 0;
	ok(check(broken, &log), "without the checkpoint it could not be");
	log.checkpoint_count = 1;
	kept.root.bytes[3] ^= 1;
	ok(!check(text, &log), "a checkpoint with another root is seen");
	kept.root.bytes[3] ^= 1;
	kept.origin[12] ^= 1;
	ok(!check(text, &log), "a checkpoint of another log is seen");
	ok(!check("facesnxt log 2\n", &log) && !check("", &log) && !check("facesnxt log 1\n!\n", &log),
	   "what is not a log is said to be none");
	free(broken);
	free(text);
}

static void
numbers_and_base64(void)
{
	static const char *const bad[] = {"A", "AB=C", "AAAAA", "AB", "A B", "AAE\n", "-A==", "AR=="};
	char		good[] = "AAEC/w==";
	size_t		size;
	uint64_t	number;

	ok(fx_base64(good, &size) && size == 4 && memcmp(good, "\0\1\2\xff", 4) == 0, "base64 is read");
	for (int i = 0; i < 8; i++)
	{
		char		text[16];

		strcpy(text, bad[i]);
		ok(!fx_base64(text, &size), "\"%s\" is not base64", i == 5 ? "AAE\\n" : bad[i]);
	}
	ok(fx_read_number("999999999999999999", &number) && number == 999999999999999999, "a number is read");
	ok(!fx_read_number("", &number) && !fx_read_number("1000000000000000000", &number) && !fx_read_number("-1", &number)
	   && !fx_read_number("1 ", &number), "and others are not");
}

int
main(void)
{
	for (int i = 0; i < LEAVES; i++)
		fx_event_hash((const uint8_t *) &i, sizeof(i), leaves[i].bytes);
	known_roots();
	roots_and_proofs();
	tiles();
	limits_of_trees();
	events();
	commitments();
	whole_logs();
	numbers_and_base64();
	return done_testing();
}
