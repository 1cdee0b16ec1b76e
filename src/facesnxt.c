/*
 * facesnxt.c - the module: magic block and start-up, one line per area.
 */
#include "compat.h"

#include "fmgr.h"

#include "door/door.h"
#include "guc.h"
#include "index/index.h"
#include "index/workers.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	facesnxt_guc_init();
	fs_options_init();
	fs_workers_init();
	fx_door_init();
	fx_cut_init();
	fx_reader_init();
}
