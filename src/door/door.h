/*
 * door.h - raw statements on the references: who may run them, what they may
 * look like, what they took out; and how a session learns that a role was cut
 * off.  README.md says how the parts work together.
 */
#ifndef FACESNXT_DOOR_H
#define FACESNXT_DOOR_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "executor/execdesc.h"
#include "nodes/parsenodes.h"
#include "utils/uuid.h"

#define FX_DOOR_REPOSITORIES	16

/* The open search of this session, if it has one (ticket.c). */
typedef struct fx_ticket
{
	bool		open;
	pg_uuid_t	id;
	Oid			acting;			/* who opened it: SET ROLE leaves it behind */
	Oid			session;
	TimestampTz expires;
	int			max_rows;		/* of one statement */
	int			nrepositories;
	Oid			repositories[FX_DOOR_REPOSITORIES]; /* values of the enum */
} fx_ticket;

extern fx_ticket fx_ticket_held;

/* NULL, or why the session's open search lets nothing through now. */
extern const char *fx_ticket_fault(void);

/* The probe of a statement, and what is wrong with its shape (shape.c). */
typedef struct fx_shape
{
	Node	   *probe;			/* Const or Param; NULL: none was found */
	const char *fault;			/* NULL: none */
} fx_shape;

extern void fx_shape_of(PlannedStmt *statement, Oid reference, fx_shape *shape);
extern bool fx_is_template_type(Oid type);

/* Runs a statement of the extension's as its owner; the first column as text, or NULL (owner.c). */
extern char *fx_as_owner(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls);
extern Oid	fx_schema(void);
extern Oid	fx_reference(void);
extern bool fx_is_owner(Oid user);

/* A statement that was let through, for as long as it runs (admit.c). */
typedef struct fx_admission
{
	struct fx_admission *next;
	QueryDesc  *query;
	bool		raw;			/* on the references; else a search(), which is only watched */
	Oid			acting;
	uint64		changes;		/* of roles, as far as it was judged */
	pg_uuid_t	ticket;			/* of a raw one, and what follows */
	char	   *statement;		/* its record */
	int64		rows;			/* recorded so far */
} fx_admission;

/* The raw statement whose rows are being made, or NULL. */
extern fx_admission *fx_running;

/* False: not on the references. Else the statement is recorded, or an error says why it is refused. */
extern bool fx_begin_raw(QueryDesc *query, uint64 *changes, char **statement);
/* Remembers a statement that has started, where it is the door's affair. */
extern void fx_admit(QueryDesc *query, bool raw, uint64 changes, const char *statement);
extern fx_admission *fx_admission_of(QueryDesc *query);
/* Records a raw statement as refused, and raises that. */
extern void fx_refuse_statement(const char *text, const char *fault);

/* Runs a raw statement: its rows leave once they are recorded (rows.c). */
extern void fx_run_raw(fx_admission *entry, QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE);
/* The executor below the door (door.c). */
extern void fx_run_next(QueryDesc *query, ScanDirection direction, uint64 count FACESNXT_RUN_ONCE);

/* A statement that reads the records, on record before its first row leaves (reader.c). */
typedef struct fx_read fx_read;

/* Functions of auditors that a statement calls, found while it starts. */
typedef struct fx_calls
{
	MemoryContext context;
	List	   *functions;
} fx_calls;

/* Says where the calls go of the statement that starts, NULL when it has; where they went before. */
extern fx_calls *fx_collect_calls(fx_calls *calls);
/* Records the statement, which has started, if it is a read; an error where it cannot be recorded. */
extern void fx_begin_read(QueryDesc *query, int eflags, fx_calls *calls);
extern fx_read *fx_read_of(QueryDesc *query);
/* Says which read makes rows now; which one did before. */
extern fx_read *fx_swap_reading(fx_read *entry);
extern void fx_count_read(fx_read *entry);
/* Records how many rows a read gave. */
extern void fx_end_read(QueryDesc *query);
/* Records a table that is read by COPY alone. */
extern void fx_read_whole_table(Oid relid, AclMode required);

/* The text of a statement without constants and comments (wording.c). */
extern char *fx_wording(const char *text, int location, int length);

/* How often roles have changed, as far as this session has heard (cut.c). */
extern uint64 fx_role_changes(void);
/* Raises NX302 when the role was cut off since *seen; an error leaves *seen as it was. */
extern void fx_stop_if_cut_off(Oid role, uint64 *seen);
/* Says in pg_locks that a search of the role runs here. */
extern void fx_note_running(Oid role, bool running);

extern void fx_door_init(void);
extern void fx_cut_init(void);
extern void fx_reader_init(void);

#endif							/* FACESNXT_DOOR_H */
