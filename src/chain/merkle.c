/*
 * merkle.c - the Merkle tree over the events.
 */
#include "chain/merkle.h"

#include <string.h>

fx_hash
fx_merkle_pair(const fx_hash *left, const fx_hash *right)
{
	const fx_piece pieces[] = {{"\1", 1}, {left->bytes, FX_SHA256_SIZE}, {right->bytes, FX_SHA256_SIZE}};
	fx_hash		hash = {{0}};

	fx_sha256(pieces, 3, hash.bytes);
	return hash;
}

static fx_hash
hash_of_nothing(void)
{
	fx_hash		hash = {{0}};

	fx_sha256(NULL, 0, hash.bytes);
	return hash;
}

static bool
same(const fx_hash *one, const fx_hash *other)
{
	return memcmp(one->bytes, other->bytes, FX_SHA256_SIZE) == 0;
}

/* The greatest power of two below size, as its exponent; size > 1. */
static int
split(uint64_t size)
{
	return 63 - __builtin_clzll(size - 1);
}

/* ---- reading a tree */

/* The complete subtree of 2^height leaves at index. */
static fx_code
complete(const fx_tree *tree, int height, uint64_t index, fx_hash *hash, fx_error *err)
{
	fx_hash		halves[2];

	if (tree->node(tree->context, height, index, hash))
		return FX_OK;
	if (height == 0)
		return fx_fail(err, FX_MALFORMED, FX_NO_POSITION, "Event %llu is missing.", (unsigned long long) index);
	for (int i = 0; i < 2; i++)
	{
		fx_code		code = complete(tree, height - 1, 2 * index + i, &halves[i], err);

		if (code != FX_OK)
			return code;
	}
	*hash = fx_merkle_pair(&halves[0], &halves[1]);
	return FX_OK;
}

/* MTH(D[start:start + size]); start is a multiple of the greatest power of two below size. */
static fx_code
subtree(const fx_tree *tree, uint64_t start, uint64_t size, fx_hash *hash, fx_error *err)
{
	fx_hash		halves[2];
	fx_code		code;
	uint64_t	left;

	if (size == 0)
	{
		*hash = hash_of_nothing();
		return FX_OK;
	}
	if ((size & (size - 1)) == 0)
	{
		int			height = __builtin_ctzll(size);

		return complete(tree, height, start >> height, hash, err);
	}
	left = (uint64_t) 1 << split(size);
	code = subtree(tree, start, left, &halves[0], err);
	if (code == FX_OK)
		code = subtree(tree, start + left, size - left, &halves[1], err);
	if (code == FX_OK)
		*hash = fx_merkle_pair(&halves[0], &halves[1]);
	return code;
}

fx_code
fx_merkle_root(const fx_tree *tree, uint64_t size, fx_hash *root, fx_error *err)
{
	return subtree(tree, 0, size, root, err);
}

/* Turns a path that was written from the root down into one from the leaf up. */
static void
reverse(fx_hash *proof, int count)
{
	for (int i = 0; i < count / 2; i++)
	{
		fx_hash		one = proof[i];

		proof[i] = proof[count - 1 - i];
		proof[count - 1 - i] = one;
	}
}

fx_code
fx_merkle_inclusion(const fx_tree *tree, uint64_t leaf, uint64_t size,
					fx_hash *proof, int *count, fx_error *err)
{
	uint64_t	start = 0;

	*count = 0;
	if (leaf >= size)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "Event %llu is not among the first %llu.",
					   (unsigned long long) leaf, (unsigned long long) size);
	while (size > 1)
	{
		uint64_t	left = (uint64_t) 1 << split(size);
		bool		is_left = leaf - start < left;
		fx_code		code = is_left ? subtree(tree, start + left, size - left, &proof[*count], err)
			: subtree(tree, start, left, &proof[*count], err);

		if (code != FX_OK)
			return code;
		(*count)++;
		start += is_left ? 0 : left;
		size = is_left ? left : size - left;
	}
	reverse(proof, *count);
	return FX_OK;
}

fx_code
fx_merkle_consistency(const fx_tree *tree, uint64_t first, uint64_t size,
					  fx_hash *proof, int *count, fx_error *err)
{
	uint64_t	start = 0;
	bool		whole = true;	/* the first tree is all of what is looked at */
	fx_code		code;

	*count = 0;
	if (first == 0 || first > size)
		return fx_fail(err, FX_RANGE, FX_NO_POSITION, "A log of %llu events does not begin with one of %llu.",
					   (unsigned long long) size, (unsigned long long) first);
	while (first < size)
	{
		uint64_t	left = (uint64_t) 1 << split(size);
		bool		is_left = first <= left;

		code = is_left ? subtree(tree, start + left, size - left, &proof[*count], err)
			: subtree(tree, start, left, &proof[*count], err);
		if (code != FX_OK)
			return code;
		(*count)++;
		if (is_left)
			size = left;
		else
		{
			start += left;
			size -= left;
			first -= left;
			whole = false;
		}
	}
	if (!whole)
	{
		code = subtree(tree, start, size, &proof[*count], err);
		if (code != FX_OK)
			return code;
		(*count)++;
	}
	reverse(proof, *count);
	return FX_OK;
}

/* ---- checking proofs */

bool
fx_merkle_check_inclusion(const fx_hash *hash, uint64_t leaf, uint64_t size,
						  const fx_hash *proof, int count, const fx_hash *root)
{
	fx_hash		at = *hash;
	uint64_t	last = size - 1;

	if (leaf >= size)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (last == 0)
			return false;
		if ((leaf & 1) || leaf == last)
		{
			at = fx_merkle_pair(&proof[i], &at);
			while ((leaf & 1) == 0 && leaf != 0)
			{
				leaf >>= 1;
				last >>= 1;
			}
		}
		else
			at = fx_merkle_pair(&at, &proof[i]);
		leaf >>= 1;
		last >>= 1;
	}
	return last == 0 && same(&at, root);
}

bool
fx_merkle_check_consistency(uint64_t first, const fx_hash *first_root, uint64_t size, const fx_hash *root,
							const fx_hash *proof, int count)
{
	uint64_t	node;
	uint64_t	last;
	fx_hash		old;
	fx_hash		new;
	int			i = 0;

	if (first == 0 || first > size)
		return false;
	if (first == size)
		return count == 0 && same(first_root, root);
	if (count == 0)
		return false;
	node = first - 1;
	last = size - 1;
	while (node & 1)
	{
		node >>= 1;
		last >>= 1;
	}
	/* a first tree that is one complete subtree is its own first hash */
	old = new = (first & (first - 1)) == 0 ? *first_root : proof[i++];
	for (; i < count; i++)
	{
		if (last == 0)
			return false;
		if ((node & 1) || node == last)
		{
			old = fx_merkle_pair(&proof[i], &old);
			new = fx_merkle_pair(&proof[i], &new);
			while ((node & 1) == 0 && node != 0)
			{
				node >>= 1;
				last >>= 1;
			}
		}
		else
			new = fx_merkle_pair(&new, &proof[i]);
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && same(&old, first_root) && same(&new, root);
}

/* ---- a tree that grows */

/* roots[h] is that of the complete subtree of 2^h leaves, where bit h of size is set. */
void
fx_frontier_add(fx_frontier *frontier, const fx_hash *leaf)
{
	fx_hash		carry = *leaf;
	int			height = 0;

	for (; frontier->size >> height & 1; height++)
		carry = fx_merkle_pair(&frontier->roots[height], &carry);
	frontier->roots[height] = carry;
	frontier->size++;
}

fx_hash
fx_frontier_root(const fx_frontier *frontier)
{
	fx_hash		root = hash_of_nothing();
	bool		any = false;

	for (int height = 0; height < 64; height++)
		if (frontier->size >> height & 1)
		{
			root = any ? fx_merkle_pair(&frontier->roots[height], &root) : frontier->roots[height];
			any = true;
		}
	return root;
}

int
fx_tiles_add(fx_tiles *tiles, const fx_hash *leaf, fx_hash complete[FX_TILE_LEVELS])
{
	for (int level = 0; level < FX_TILE_LEVELS; level++)
	{
		fx_frontier *frontier = &tiles->level[level];

		fx_frontier_add(frontier, level == 0 ? leaf : &complete[level - 1]);
		if (frontier->size < 256)
			return level;
		complete[level] = fx_frontier_root(frontier);
		frontier->size = 0;
	}
	return FX_TILE_LEVELS;
}
