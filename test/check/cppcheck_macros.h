/*
 * cppcheck_macros.h - the few macros of PostgreSQL's headers that read like
 * syntax, for cppcheck, which does not see those headers.
 */
#ifndef FX_CPPCHECK_MACROS_H
#define FX_CPPCHECK_MACROS_H

#define PG_VERSION_NUM 150000
#define PG_MODULE_MAGIC extern int module_magic
#define PG_FUNCTION_INFO_V1(name) extern int name ## _info
#define PG_TRY() if (1)
#define PG_CATCH() else
#define PG_FINALLY() if (1)
#define PG_END_TRY() do {} while (0)
#define PGDLLEXPORT
#define PGDLLIMPORT
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define pg_attribute_printf(format, first)
#define StaticAssertDecl(condition, message) extern int assertion
#define StaticAssertStmt(condition, message) do {} while (0)
#define foreach(cell, list) for (cell = list_head(list); cell; cell = lnext(list, cell))

#endif							/* FX_CPPCHECK_MACROS_H */
