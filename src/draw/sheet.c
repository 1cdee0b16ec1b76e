/*
 * sheet.c - pages: head, places, foot.  All measures are pixels of 1/200 inch.
 */
#include "draw/sheet.h"

#include <string.h>

#define MARGIN 100				/* half an inch: what any printer prints */

#define INK 0x1A1A1A
#define QUIET 0x5A5F66			/* labels; 6:1 against white */
#define RULE 0xB9BEC5
#define GROUND 0xF1F3F5			/* behind the fields of the head */
#define EMPTY 0xE4E7EA			/* where a picture is missing */
#define WARNING 0x8C1515		/* banner and probe; white on it has 9:1 */
#define PAPER 0xFFFFFF

typedef struct layout
{
	int			width;
	int			height;
	int			columns;
	int			rows;
	int			top;			/* of the first place */
	int			left;
	int			across;			/* from one place to the next */
	int			down;
	int			picture_width;
	int			picture_height;
	int			field_columns;
} layout;

static const layout layouts[] = {
	{FX_PAGE_SHORT, FX_PAGE_LONG, 4, 4, 524, MARGIN + 4, 380, 384, 352, 254, 2},
	{FX_PAGE_LONG, FX_PAGE_SHORT, 3, 1, 492, MARGIN + 4, 676, 1, 640, 800, 3},
	{FX_PAGE_LONG, FX_PAGE_SHORT, 3, 2, 90, 210, 640, 752, 500, 625, 1},
	{FX_PAGE_SHORT, FX_PAGE_LONG, 3, 3, 524, MARGIN + 4, 508, 516, 476, 386, 2}
};

int
fx_sheet_places(fx_sheet_kind kind)
{
	return layouts[kind].columns * layouts[kind].rows;
}

fx_box
fx_sheet_place(fx_sheet_kind kind, int place)
{
	const layout *l = &layouts[kind];

	return (fx_box) {l->left + place % l->columns * l->across, l->top + place / l->columns * l->down,
		l->picture_width, l->picture_height};
}

/* Label and value of each field, column by column. */
static int
draw_fields(const layout *l, const fx_sheet_head *head, fx_image *page, int y)
{
	int			fields = head->fields > FX_SHEET_FIELDS ? FX_SHEET_FIELDS : head->fields;
	int			rows = (fields + l->field_columns - 1) / l->field_columns;
	int			width = (l->width - 2 * MARGIN) / l->field_columns;
	int			size = l->field_columns > 2 ? 22 : 24;	/* a UUID fits */
	fx_box		box = {MARGIN, y, l->width - 2 * MARGIN, rows * 38 + 22};

	if (fields == 0)
		return y;
	fx_fill(page, box, GROUND);
	fx_frame(page, box, 2, RULE);
	for (int i = 0; i < fields; i++)
	{
		int			x = MARGIN + 22 + i / rows * width;
		int			base = y + 40 + i % rows * 38;

		fx_text(page, x, base, 145, FX_LEFT, (fx_text_style) {FX_REGULAR, 22, QUIET}, head->field[i].label);
		fx_text(page, x + 154, base, width - 188, FX_LEFT, (fx_text_style) {FX_REGULAR, size, INK},
			head->field[i].value);
	}
	return y + box.height;
}

fx_code
fx_sheet_open(const fx_env *env, fx_sheet_kind kind, const fx_sheet_head *head, fx_image *page, fx_error *err)
{
	const layout *l = &layouts[kind];
	int			inner = l->width - 2 * MARGIN;
	int			foot = l->height - (kind == FX_LINEUP_SHEET ? 50 : 90);
	int			y = 70;
	fx_code		code;

	memset(page, 0, sizeof(*page));
	code = fx_text_load(err);
	if (code == FX_OK)
		code = fx_image_create(env, l->width, l->height, page, err);
	if (code != FX_OK)
		return code;
	fx_fill(page, (fx_box) {0, 0, l->width, l->height}, PAPER);
	if (head->banner != NULL)
	{
		fx_fill(page, (fx_box) {MARGIN, y, inner, 84}, WARNING);
		fx_text(page, l->width / 2.0, y + 60, inner - 40, FX_CENTRE, (fx_text_style) {FX_BOLD, 50, PAPER},
			head->banner);
		y += 84;
	}
	if (head->warning != NULL)
		fx_text(page, l->width / 2.0, y + 38, inner, FX_CENTRE, (fx_text_style) {FX_REGULAR, 24, WARNING},
			head->warning);
	if (head->title != NULL)
	{
		fx_text(page, MARGIN, y + 104, inner - 320, FX_LEFT, (fx_text_style) {FX_BOLD, 40, INK}, head->title);
		if (head->page != NULL)
			fx_text(page, l->width - MARGIN, y + 104, 300, FX_RIGHT, (fx_text_style) {FX_REGULAR, 28, INK}, head->page);
		draw_fields(l, head, page, y + 128);
	}
	for (int i = 0; i < 2; i++)
		if (head->foot[i] != NULL)
			fx_text(page, kind == FX_LINEUP_SHEET ? l->width / 2.0 : MARGIN, foot + i * 28, inner,
					kind == FX_LINEUP_SHEET ? FX_CENTRE : FX_LEFT, (fx_text_style) {FX_REGULAR, 20, QUIET},
						head->foot[i]);
	if (kind != FX_LINEUP_SHEET)
		fx_fill(page, (fx_box) {MARGIN, foot - 36, inner, 2}, RULE);
	return FX_OK;
}

fx_code
fx_sheet_put(const fx_env *env, fx_sheet_kind kind, int place, const fx_sheet_cell *cell, fx_image *page, fx_error *err)
{
	fx_box		box = fx_sheet_place(kind, place);
	fx_box		around = {box.x - 4, box.y - 4, box.width + 8, box.height + 8};
	bool		lineup = kind == FX_LINEUP_SHEET;
	int			size = kind == FX_COMPARISON_SHEET ? 34 : 28;
	int			base = box.y + box.height + size + 8;
	fx_colour	colour = cell->marked ? WARNING : INK;
	fx_code		code = FX_OK;

	fx_fill(page, box, EMPTY);
	if (cell->picture != NULL)
		code = fx_place(env, page, fx_fit(box, cell->picture->width, cell->picture->height), cell->picture, err);
	else if (cell->note != NULL)
	{
		int			line = box.y + box.height / 2;

		/* a note of two parts stands in two lines */
		const char *second = strchr(cell->note, '\n');
		char		first[128];
		size_t		length = second != NULL ? (size_t) (second - cell->note) : strlen(cell->note);

		length = length < sizeof(first) ? length : sizeof(first) - 1;
		memcpy(first, cell->note, length);
		first[length] = '\0';
		fx_text(page, box.x + box.width / 2.0, line, box.width - 20, FX_CENTRE,
				(fx_text_style) {FX_BOLD, size * 3 / 4, INK}, first);
		if (second != NULL)
			fx_text(page, box.x + box.width / 2.0, line + size, box.width - 20, FX_CENTRE,
					(fx_text_style) {FX_REGULAR, size * 5 / 8, QUIET}, second + 1);
	}
	fx_frame(page, around, cell->marked ? 4 : 2, cell->marked ? WARNING : RULE);
	if (cell->title != NULL && lineup)
		fx_text(page, box.x + box.width / 2.0, box.y + box.height + 82, box.width, FX_CENTRE,
				(fx_text_style) {FX_BOLD, 76, INK}, cell->title);
	else if (cell->title != NULL)
		fx_text(page, box.x, base, box.width, FX_LEFT, (fx_text_style) {FX_BOLD, size, colour}, cell->title);
	for (int i = 0; i < 2; i++)
		if (cell->line[i] != NULL)
			fx_text(page, box.x, base + (i + 1) * (size + 4), box.width, FX_LEFT,
					(fx_text_style) {FX_REGULAR, 24, i == 0 ? INK : QUIET}, cell->line[i]);
	return code;
}
