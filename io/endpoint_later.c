/* endpoint_later.c - see endpoint_later.h. */
#include "io/endpoint_later.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct endpoint_later_note {
    struct reactor_task task;
    struct endpoint_later_note *next;
    struct endpoint_later *later;
    struct endpoint *ep;
    struct stat_req *stat; /* exactly one of the four is set */
    struct setup_req *setup;
    struct list_req *list;
    struct block_req *block;
};

void endpoint_later_fini(struct endpoint_later *later)
{
    while (later->free_notes) {
        struct endpoint_later_note *note = later->free_notes;

        later->free_notes = note->next;
        free(note);
    }
}

static void endpoint_later_run(struct reactor_task *task)
{
    struct endpoint_later_note note =
        *(struct endpoint_later_note *)((char *)task - offsetof(struct endpoint_later_note, task));
    struct endpoint_later_note *back =
        (struct endpoint_later_note *)((char *)task - offsetof(struct endpoint_later_note, task));

    back->next = note.later->free_notes;
    note.later->free_notes = back;
    if (note.block)
        endpoint_block_end(note.ep, note.block);
    else if (note.list)
        endpoint_list_end(note.ep, note.list);
    else if (note.setup)
        endpoint_setup_end(note.ep, note.setup);
    else
        endpoint_stat_end(note.ep, note.stat);
}

/* Running out of a hundred bytes leaves no way to tell anybody: an endpoint whose requests never end
 * would hang the copy, so the program ends here, loudly. */
static struct endpoint_later_note *endpoint_later_note(struct endpoint_later *later,
                                                       struct endpoint *ep)
{
    struct endpoint_later_note *note = later->free_notes;

    if (note)
        later->free_notes = note->next;
    else
        note = malloc(sizeof *note);
    if (!note) {
        fputs("snapferry: out of memory\n", stderr);
        abort();
    }
    *note = (struct endpoint_later_note){.later = later, .ep = ep};
    reactor_post(ep->reactor, &note->task, endpoint_later_run);
    return note;
}

void endpoint_later_stat(struct endpoint_later *later, struct endpoint *ep, struct stat_req *req)
{
    endpoint_later_note(later, ep)->stat = req;
}

void endpoint_later_setup(struct endpoint_later *later, struct endpoint *ep, struct setup_req *req)
{
    endpoint_later_note(later, ep)->setup = req;
}

void endpoint_later_list(struct endpoint_later *later, struct endpoint *ep, struct list_req *req)
{
    endpoint_later_note(later, ep)->list = req;
}

void endpoint_later_block(struct endpoint_later *later, struct endpoint *ep, struct block_req *req)
{
    endpoint_later_note(later, ep)->block = req;
}
