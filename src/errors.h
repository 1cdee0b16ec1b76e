/*
 * errors.h - the SQLSTATEs of this extension: class NX.
 *
 * Standard codes are used where one says the same (22003 number out of range,
 * 22P02 malformed text, 22P03 malformed binary, 54000 limit exceeded, 57014
 * cancelled).  docs/errors.md lists what raises each and what to do.
 */
#ifndef FACESNXT_ERRORS_H
#define FACESNXT_ERRORS_H

#include "utils/elog.h"

/* NX0: templates */
#define ERRCODE_NX_DIMENSION_MISMATCH	MAKE_SQLSTATE('N','X','0','0','1')
#define ERRCODE_NX_MODEL_MISMATCH		MAKE_SQLSTATE('N','X','0','0','2')

/* NX1: photographs and faces */
#define ERRCODE_NX_INVALID_JPEG			MAKE_SQLSTATE('N','X','1','0','1')
#define ERRCODE_NX_UNSUPPORTED_JPEG		MAKE_SQLSTATE('N','X','1','0','2')
#define ERRCODE_NX_PHOTO_LIMIT			MAKE_SQLSTATE('N','X','1','0','3')
#define ERRCODE_NX_NO_FACE				MAKE_SQLSTATE('N','X','1','1','1')
#define ERRCODE_NX_SEVERAL_FACES		MAKE_SQLSTATE('N','X','1','1','2')
#define ERRCODE_NX_FACE_TOO_SMALL		MAKE_SQLSTATE('N','X','1','1','3')

/* NX2: models */
#define ERRCODE_NX_INVALID_MODEL		MAKE_SQLSTATE('N','X','2','0','1')
#define ERRCODE_NX_UNSUPPORTED_MODEL	MAKE_SQLSTATE('N','X','2','0','2')
#define ERRCODE_NX_MODEL_LIMIT			MAKE_SQLSTATE('N','X','2','0','3')
#define ERRCODE_NX_UNKNOWN_MODEL		MAKE_SQLSTATE('N','X','2','0','4')

/* NX3: the gate refuses a search (raised from SQL too: keep sql/ in step) */
#define ERRCODE_NX_NO_ACCOUNT			MAKE_SQLSTATE('N','X','3','0','1')
#define ERRCODE_NX_ACCOUNT_NOT_ACTIVE	MAKE_SQLSTATE('N','X','3','0','2')
#define ERRCODE_NX_CASE_UNKNOWN			MAKE_SQLSTATE('N','X','3','0','3')
#define ERRCODE_NX_CASE_NOT_OPEN		MAKE_SQLSTATE('N','X','3','0','4')
#define ERRCODE_NX_PURPOSE_NOT_LISTED	MAKE_SQLSTATE('N','X','3','0','5')
#define ERRCODE_NX_ISOLATION			MAKE_SQLSTATE('N','X','3','0','6')
#define ERRCODE_NX_SEARCH_UNKNOWN		MAKE_SQLSTATE('N','X','3','0','7')
#define ERRCODE_NX_OUTCOME_REFUSED		MAKE_SQLSTATE('N','X','3','0','8')
#define ERRCODE_NX_RECORD_IMMUTABLE		MAKE_SQLSTATE('N','X','3','0','9')

/* NX37: raw statements and open searches; NX38: cutting off */
#define ERRCODE_NX_NO_OPEN_SEARCH		MAKE_SQLSTATE('N','X','3','7','0')
#define ERRCODE_NX_RAW_BOUND			MAKE_SQLSTATE('N','X','3','7','2')
#define ERRCODE_NX_NO_SWEEPER			MAKE_SQLSTATE('N','X','3','8','1')

/* NX4: the audit record cannot be written, so nothing leaves */
#define ERRCODE_NX_AUDIT_NO_WORKER		MAKE_SQLSTATE('N','X','4','0','1')
#define ERRCODE_NX_AUDIT_READ_ONLY		MAKE_SQLSTATE('N','X','4','0','2')
#define ERRCODE_NX_AUDIT_FAILED			MAKE_SQLSTATE('N','X','4','0','3')
#define ERRCODE_NX_AUDIT_TIMEOUT		MAKE_SQLSTATE('N','X','4','0','4')
#define ERRCODE_NX_CHAIN_BROKEN			MAKE_SQLSTATE('N','X','4','1','0')

#endif							/* FACESNXT_ERRORS_H */
