/*
 * change.c - the trigger on every table: notes that a row was changed, for
 * the chain of events.
 *
 * In a session the note is a row of facesnxt.pending_event, so that it exists
 * exactly when the change does; the writer is told after the commit.  In the
 * writer itself it stays in memory, as the writer chains it within the same
 * transaction; a subtransaction that aborts takes its notes along.
 *
 * Changes of tables whose rows can change again are noted in the table by the
 * writer, too: the numbers there say in which order they come.
 */
#include "compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "chain.h"
#include "image.h"
#include "segment.h"

#define SALTS_DRAWN 32

PG_FUNCTION_INFO_V1(facesnxt_audit_row);

/* Columns of facesnxt.pending_event, in the order of sql/13-event.sql. */
enum
{
	PENDING_NUMBER,
	PENDING_SALT,
	PENDING_HAPPENED,
	PENDING_TRANSACTION,
	PENDING_OPERATION,
	PENDING_RELATION,
	PENDING_ACTING,
	PENDING_SESSION,
	PENDING_DIGEST,
	PENDING_KEY,
	PENDING_IMAGE,
	PENDING_COLUMNS
};

/* ---- in the writer */

static struct
{
	MemoryContext context;		/* NULL in a session */
	int			count;
	int			room;
	fx_change **change;
	SubTransactionId *subtransaction;
	char		acting[NAMEDATALEN];
	char		session[NAMEDATALEN];
} own;

static void
forget_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	/* later numbers are of its children */
	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (own.count > 0 && own.subtransaction[own.count - 1] >= mine)
			own.count--;
}

void
fx_changes_collect(MemoryContext context)
{
	if (own.context == NULL)
		RegisterSubXactCallback(forget_subtransaction, NULL);
	own.context = context;
	fx_changes_clear();
}

void
fx_changes_on_behalf(const char *acting, const char *session)
{
	strlcpy(own.acting, acting, NAMEDATALEN);
	strlcpy(own.session, session, NAMEDATALEN);
}

fx_change **
fx_changes(int *count)
{
	*count = own.count;
	return own.change;
}

void
fx_changes_clear(void)
{
	own.count = own.room = 0;
	own.change = NULL;
	own.subtransaction = NULL;
	own.acting[0] = own.session[0] = '\0';
}

static void
collect(const fx_change *change)
{
	MemoryContext before = MemoryContextSwitchTo(own.context);
	fx_change  *kept = palloc(sizeof(fx_change));

	*kept = *change;
	kept->row_key = change->row_key == NULL ? NULL : pstrdup(change->row_key);
	kept->image = change->image == NULL ? NULL : pstrdup(change->image);
	if (own.count == own.room)
	{
		int			room = Max(own.room * 2, 64);

		own.change = own.room == 0 ? palloc(room * sizeof(fx_change *))
			: repalloc(own.change, room * sizeof(fx_change *));
		own.subtransaction = own.room == 0 ? palloc(room * sizeof(SubTransactionId))
			: repalloc(own.subtransaction, room * sizeof(SubTransactionId));
		own.room = room;
	}
	own.subtransaction[own.count] = GetCurrentSubTransactionId();
	own.change[own.count++] = kept;
	MemoryContextSwitchTo(before);
}

/* ---- in a session */

/* The writer that is to be told after the commit; only what cannot fail is done then. */
static fx_audit_box *waiting_for = NULL;
static bool noted = false;
static bool registered = false;

static void
tell_writer(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			waiting_for = noted ? fx_box_find() : NULL;
			break;
		case XACT_EVENT_COMMIT:
			if (waiting_for != NULL)
				fx_box_wake(waiting_for);
			/* FALLTHROUGH */
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			noted = false;
			waiting_for = NULL;
			break;
		default:
			break;
	}
}

static void
note(const fx_change *change)
{
	Oid			schema = get_namespace_oid("facesnxt", false);
	Relation	pending = table_open(get_relname_relid("pending_event", schema), RowExclusiveLock);
	Datum		values[PENDING_COLUMNS];
	bool		nulls[PENDING_COLUMNS] = {false};
	NameData	relation,
				acting,
				session;
	bytea	   *digest = palloc(VARHDRSZ + FX_SHA256_SIZE);
	HeapTuple	tuple;

	if (RelationGetNumberOfAttributes(pending) != PENDING_COLUMNS)
		elog(ERROR, "table \"pending_event\" is not of this version of the extension");
	namestrcpy(&relation, change->relation);
	namestrcpy(&acting, change->acting);
	namestrcpy(&session, change->session);
	SET_VARSIZE(digest, VARHDRSZ + FX_SHA256_SIZE);
	memcpy(VARDATA(digest), change->digest, FX_SHA256_SIZE);

	values[PENDING_NUMBER] = Int64GetDatum(nextval_internal(get_relname_relid("pending_number", schema), false));
	values[PENDING_SALT] = UUIDPGetDatum((pg_uuid_t *) change->salt);
	values[PENDING_HAPPENED] = TimestampTzGetDatum(change->happened);
	values[PENDING_TRANSACTION] = Int64GetDatum((int64) change->transaction);
	values[PENDING_OPERATION] = CharGetDatum(change->operation);
	values[PENDING_RELATION] = NameGetDatum(&relation);
	values[PENDING_ACTING] = NameGetDatum(&acting);
	values[PENDING_SESSION] = NameGetDatum(&session);
	values[PENDING_DIGEST] = PointerGetDatum(digest);
	nulls[PENDING_KEY] = change->row_key == NULL;
	values[PENDING_KEY] = nulls[PENDING_KEY] ? (Datum) 0 : CStringGetTextDatum(change->row_key);
	nulls[PENDING_IMAGE] = change->image == NULL;
	values[PENDING_IMAGE] = nulls[PENDING_IMAGE] ? (Datum) 0 : CStringGetTextDatum(change->image);
	tuple = heap_form_tuple(RelationGetDescr(pending), values, nulls);
	CatalogTupleInsert(pending, tuple);
	table_close(pending, RowExclusiveLock);

	if (!registered)
		RegisterXactCallback(tell_writer, NULL);
	registered = noted = true;
}

/* ---- the trigger */

/* Random bytes are drawn for many salts at once, as each draw has its price, and none is left where it lay. */
static void
draw_salt(uint8 salt[FX_SALT_SIZE])
{
	static uint8 drawn[SALTS_DRAWN * FX_SALT_SIZE];
	static int	left = 0;

	if (left == 0)
	{
		if (!pg_strong_random(drawn, sizeof(drawn)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		left = SALTS_DRAWN;
	}
	left--;
	memcpy(salt, drawn + left * FX_SALT_SIZE, FX_SALT_SIZE);
	memset(drawn + left * FX_SALT_SIZE, 0, FX_SALT_SIZE);
}

static void
note_change(const Trigger *trigger, const char *relation, char operation, const char *key, const char *image)
{
	fx_change	change = {.operation = operation};
	bool		keep_image = trigger->tgnargs > 0 && strcmp(trigger->tgargs[0], "image") == 0;

	change.happened = GetCurrentTimestamp();
	change.transaction = U64FromFullTransactionId(GetTopFullTransactionId());
	strlcpy(change.relation, relation, NAMEDATALEN);
	if (own.context != NULL && own.acting[0] != '\0')
	{
		strlcpy(change.acting, own.acting, NAMEDATALEN);
		strlcpy(change.session, own.session, NAMEDATALEN);
	}
	else
	{
		strlcpy(change.acting, GetUserNameFromId(GetOuterUserId(), false), NAMEDATALEN);
		strlcpy(change.session, GetUserNameFromId(GetSessionUserId(), false), NAMEDATALEN);
	}
	draw_salt(change.salt);
	fx_row_digest(relation, strlen(relation), key, key == NULL ? 0 : strlen(key),
				  image, image == NULL ? 0 : strlen(image), change.digest);
	change.row_key = unconstify(char *, key);
	change.image = keep_image ? unconstify(char *, image) : NULL;
	if (own.context != NULL && !keep_image)
		collect(&change);
	else
		note(&change);
}

/*
 * facesnxt.audit_row() RETURNS trigger
 *
 * AFTER INSERT OR UPDATE OR DELETE for each row, and AFTER TRUNCATE for each
 * statement.
 */
Datum
facesnxt_audit_row(PG_FUNCTION_ARGS)
{
	static MemoryContext scratch = NULL;
	TriggerData *data = (TriggerData *) fcinfo->context;
	const char *relation;
	const Trigger *trigger;
	fx_row_shape *shape;
	MemoryContext before;
	StringInfoData key;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("audit_row() is for AFTER triggers")));
	if (scratch == NULL)
		scratch = AllocSetContextCreate(TopMemoryContext, "facesnxt row", ALLOCSET_DEFAULT_SIZES);
	/* what one that ended in an error left */
	MemoryContextReset(scratch);
	relation = RelationGetRelationName(data->tg_relation);
	trigger = data->tg_trigger;
	shape = fx_row_shape_of(RelationGetRelid(data->tg_relation));
	before = MemoryContextSwitchTo(scratch);
	initStringInfo(&key);

	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		note_change(trigger, relation, FX_EVENT_TRUNCATE, NULL, NULL);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
	{
		fx_row_key(shape, data->tg_trigtuple, &key);
		note_change(trigger, relation, FX_EVENT_DELETE, key.data, NULL);
	}
	else
	{
		bool		update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
		HeapTuple	row = update ? data->tg_newtuple : data->tg_trigtuple;
		StringInfoData image;

		fx_row_key(shape, row, &key);
		if (update)
		{
			StringInfoData old;

			initStringInfo(&old);
			fx_row_key(shape, data->tg_trigtuple, &old);
			if (strcmp(old.data, key.data) != 0)
			{
				/* the row has another name now */
				note_change(trigger, relation, FX_EVENT_DELETE, old.data, NULL);
				update = false;
			}
		}
		initStringInfo(&image);
		fx_row_image(shape, row, &image);
		note_change(trigger, relation, update ? FX_EVENT_UPDATE : FX_EVENT_INSERT, key.data, image.data);
	}

	MemoryContextSwitchTo(before);
	MemoryContextReset(scratch);
	PG_RETURN_POINTER(NULL);
}
