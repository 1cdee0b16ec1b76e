/*
 * box.c - the letter box of the writer: how sessions find it without a
 * preloaded library, and how records get into it.
 *
 * The writer says in its application_name which segment of shared memory its
 * box is in; sessions read that in the server's table of backends, where no
 * role can write another one's, and look only at background workers of the
 * bootstrap superuser.
 */
#include "compat.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/guc.h"

#include "segment.h"

#define WRITER_NAME		"facesnxt audit writer "

/* The box that this session wrote to last.  Its mapping is kept. */
static dsm_segment *known = NULL;

fx_audit_box *
fx_box_create(void)
{
	dsm_segment *seg;
	fx_audit_box *box;
	char		name[NAMEDATALEN];

	seg = dsm_create(offsetof(fx_audit_box, handles) + MaxBackends * sizeof(dsm_handle), 0);
	dsm_pin_mapping(seg);
	box = dsm_segment_address(seg);
	memset(box, 0, offsetof(fx_audit_box, handles));
	SpinLockInit(&box->mutex);
	box->writer = MyProcPid;
	box->latch = &MyProc->procLatch;
	box->places = MaxBackends;
	box->magic = FX_AUDIT_MAGIC;

	snprintf(name, sizeof(name), WRITER_NAME "%u", dsm_segment_handle(seg));
	SetConfigOption("application_name", name, PGC_USERSET, PGC_S_OVERRIDE);
	return box;
}

bool
fx_box_push(fx_audit_box *box, dsm_handle handle)
{
	bool		pushed = false;
	Latch	   *latch = NULL;

	SpinLockAcquire(&box->mutex);
	if (!box->closed && box->count < box->places)
	{
		box->handles[(box->first + box->count) % box->places] = handle;
		box->count++;
		latch = box->latch;
		pushed = true;
	}
	SpinLockRelease(&box->mutex);
	if (pushed)
		SetLatch(latch);
	return pushed;
}

bool
fx_box_pop(fx_audit_box *box, dsm_handle *handle)
{
	bool		popped = false;

	SpinLockAcquire(&box->mutex);
	if (box->count > 0)
	{
		*handle = box->handles[box->first];
		box->first = (box->first + 1) % box->places;
		box->count--;
		popped = true;
	}
	SpinLockRelease(&box->mutex);
	return popped;
}

/* Tells the writer that changes wait to be chained; it cannot fail, and does nothing where the writer has left. */
void
fx_box_wake(fx_audit_box *box)
{
	Latch	   *latch;

	SpinLockAcquire(&box->mutex);
	box->changes = true;
	latch = box->closed ? NULL : box->latch;
	SpinLockRelease(&box->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

/* Whether it was told so since it was asked last. */
bool
fx_box_changes(fx_audit_box *box)
{
	bool		changes;

	SpinLockAcquire(&box->mutex);
	changes = box->changes;
	box->changes = false;
	SpinLockRelease(&box->mutex);
	return changes;
}

/* False when it is not empty and should be. */
bool
fx_box_close(fx_audit_box *box, bool only_if_empty)
{
	bool		closed;

	SpinLockAcquire(&box->mutex);
	if (!only_if_empty || (box->count == 0 && !box->changes))
		box->closed = true;
	closed = box->closed;
	SpinLockRelease(&box->mutex);
	return closed;
}

static bool
is_closed(fx_audit_box *box)
{
	bool		closed;

	SpinLockAcquire(&box->mutex);
	closed = box->closed;
	SpinLockRelease(&box->mutex);
	return closed;
}

/* The box whose handle a writer has published, or NULL. */
static dsm_segment *
open_box(const char *application_name)
{
	dsm_handle	handle = (dsm_handle) strtoul(application_name + strlen(WRITER_NAME), NULL, 10);
	dsm_segment *seg;
	fx_audit_box *box;

	if (handle == 0 || dsm_find_mapping(handle) != NULL)
		return NULL;
	seg = dsm_attach(handle);
	if (seg == NULL)
		return NULL;
	box = dsm_segment_address(seg);
	if (dsm_segment_map_length(seg) < sizeof(fx_audit_box) || box->magic != FX_AUDIT_MAGIC || is_closed(box))
	{
		dsm_detach(seg);
		return NULL;
	}
	dsm_pin_mapping(seg);
	return seg;
}

/* The box of the database's writer, or NULL when there is none that takes records. */
fx_audit_box *
fx_box_find(void)
{
	int			backends;

	if (known != NULL && is_closed(dsm_segment_address(known)))
	{
		dsm_detach(known);
		known = NULL;
	}
	if (known != NULL)
		return dsm_segment_address(known);

	pgstat_clear_backend_activity_snapshot();
	backends = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= backends && known == NULL; i++)
	{
		PgBackendStatus *backend = &facesnxt_backend_status(i)->backendStatus;

		if (backend->st_procpid != 0 && backend->st_backendType == B_BG_WORKER
			&& backend->st_databaseid == MyDatabaseId && backend->st_userid == BOOTSTRAP_SUPERUSERID
			&& strncmp(backend->st_appname, WRITER_NAME, strlen(WRITER_NAME)) == 0)
			known = open_box(backend->st_appname);
	}
	pgstat_clear_backend_activity_snapshot();
	return known == NULL ? NULL : dsm_segment_address(known);
}
