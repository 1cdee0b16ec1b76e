/*
 * merkle.h - the Merkle tree over the events (RFC 6962, 2.1): its root at any
 * size, inclusion proofs, consistency proofs, and how each is checked.
 *
 * Trees are read through a callback that knows the hash of aligned complete
 * subtrees, so that whoever keeps the hashes decides which ones to keep.
 */
#ifndef FX_CHAIN_MERKLE_H
#define FX_CHAIN_MERKLE_H

#include "base/base.h"
#include "chain/sha256.h"

#define FX_PROOF_LIMIT	128		/* hashes in a proof: two for each bit of a size */

typedef struct fx_hash
{
	uint8_t		bytes[FX_SHA256_SIZE];
} fx_hash;

/*
 * The leaves of a tree.  node() writes the hash of the complete subtree of
 * 2^height leaves from leaf index << height on; false when it does not know
 * it, and is then asked for both halves.  It must know height 0.
 */
typedef struct fx_tree
{
	bool		(*node) (void *context, int height, uint64_t index, fx_hash *hash);
	void	   *context;
} fx_tree;

/* SHA-256(01 | left | right). */
extern fx_hash fx_merkle_pair(const fx_hash *left, const fx_hash *right);

/* The root of the first size leaves; of none it is the hash of nothing.  FX_MALFORMED when a leaf is not known. */
extern fx_code fx_merkle_root(const fx_tree *tree, uint64_t size, fx_hash *root, fx_error *err);

/* Writes the proof that leaf is one of the first size leaves; count is at most 64.  FX_RANGE when it is not. */
extern fx_code fx_merkle_inclusion(const fx_tree *tree, uint64_t leaf, uint64_t size,
								   fx_hash *proof, int *count, fx_error *err);

/* Writes the proof that the tree of the first leaves is the beginning of that of size leaves (0 < first <= size). */
extern fx_code fx_merkle_consistency(const fx_tree *tree, uint64_t first, uint64_t size,
									 fx_hash *proof, int *count, fx_error *err);

/* True when the proof leads from the leaf's hash to the root (RFC 9162, 2.1.3.2). */
extern bool fx_merkle_check_inclusion(const fx_hash *hash, uint64_t leaf, uint64_t size,
									  const fx_hash *proof, int count, const fx_hash *root);

/* True when the proof leads from the first root to the second (RFC 9162, 2.1.4.2). */
extern bool fx_merkle_check_consistency(uint64_t first, const fx_hash *first_root, uint64_t size, const fx_hash *root,
										const fx_hash *proof, int count);

/*
 * A tree that grows leaf by leaf and keeps only the roots of its complete
 * subtrees: what a reader of the whole log needs.
 */
typedef struct fx_frontier
{
	uint64_t	size;
	fx_hash		roots[64];
} fx_frontier;

extern void fx_frontier_add(fx_frontier *frontier, const fx_hash *leaf);
extern fx_hash fx_frontier_root(const fx_frontier *frontier);

/*
 * The complete subtrees of 256, 65,536, ... leaves of a tree that grows: those
 * of level l are of 256^l leaves.  level[l] holds what is above the last
 * complete tile of level l + 1.
 */
#define FX_TILE_LEVELS	8		/* 256^8 is every number there is */

typedef struct fx_tiles
{
	fx_frontier level[FX_TILE_LEVELS];
} fx_tiles;

/* Writes the hashes of the tiles that the leaf completes, that of level 1 first; returns how many. */
extern int	fx_tiles_add(fx_tiles *tiles, const fx_hash *leaf, fx_hash complete[FX_TILE_LEVELS]);

#endif							/* FX_CHAIN_MERKLE_H */
