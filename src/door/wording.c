/*
 * wording.c - the shape of a statement: its text without constants and
 * comments, which is what may be kept of it.  Constants are what names people.
 */
#include "door/door.h"

#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scanner.h"

/* Tokens of the server's scanner: fixed, as PL/pgSQL shares it (gram.y). */
enum
{
	TOKEN_END = 0,
	TOKEN_FCONST = 260,
	TOKEN_SCONST,
	TOKEN_USCONST,
	TOKEN_BCONST,
	TOKEN_XCONST,
	TOKEN_OP,
	TOKEN_ICONST
};

/* What is longer is cut: thousands of constants have one shape. */
#define LONGEST_WORDING		4000

/*
 * The statement that begins at location (-1: at the beginning) and is length
 * bytes long (0: up to the end), one blank between words.
 */
char *
fx_wording(const char *text, int location, int length)
{
	StringInfoData result;
	core_yy_extra_type extra;
	core_yyscan_t scanner;
	core_YYSTYPE value;
	YYLTYPE		at;
	int			token;
	char	   *source;

	if (text == NULL)
		return pstrdup("");
	if (location > 0 && location <= (int) strlen(text))
		text += location;
	source = length > 0 && length <= (int) strlen(text) ? pnstrdup(text, length) : pstrdup(text);
	initStringInfo(&result);
	scanner = scanner_init(source, &extra, &ScanKeywords, ScanKeywordTokens);
	/* the parser has warned */
	extra.escape_string_warning = false;
	while (result.len < LONGEST_WORDING && (token = core_yylex(&value, &at, scanner)) != TOKEN_END)
	{
		if (token == ';')
			continue;
		if (result.len > 0)
			appendStringInfoChar(&result, ' ');
		if (token == TOKEN_ICONST || (token >= TOKEN_FCONST && token <= TOKEN_XCONST))
			appendStringInfoChar(&result, '?');
		else					/* flex ends the word that it found by a null byte in its own copy of the text */
			appendStringInfoString(&result, extra.scanbuf + at);
	}
	scanner_finish(scanner);
	if (result.len >= LONGEST_WORDING)
	{
		result.len = pg_mbcliplen(result.data, result.len, LONGEST_WORDING);
		result.data[result.len] = '\0';
		appendStringInfoString(&result, " ...");
	}
	pfree(source);
	return result.data;
}
