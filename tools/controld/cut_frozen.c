/* cut_frozen.c - see cut_frozen.h. */
#include "tools/controld/cut_frozen.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct frozen_machine {
    struct cut_frozen *frozen;
    struct frozen_machine *next;
    char *id, *point;
    struct cut_thaw_left *thaw; /* under way */
    struct timer timer;
    uint64_t wait_ns;
    bool told, thawed; /* by the try under way */
};

struct cut_frozen {
    struct cut_frozen_setup setup;
    char *folder;
    struct frozen_machine *machines;
    struct cut_thaw_left *first; /* what an earlier life left */
    void (*first_done)(void *arg);
    void *first_arg;
    bool stopping;
};

static void say(const struct cut_frozen *frozen, char *sentence)
{
    frozen->setup.log(frozen->setup.arg, sentence ? sentence : "no memory to tell of a thaw");
    free(sentence);
}

/* ---- A machine ---- */

static void machine_free(struct frozen_machine *machine)
{
    if (!machine)
        return;
    free(machine->id);
    free(machine->point);
    free(machine);
}

static void leave(struct frozen_machine *machine, const char *how)
{
    struct frozen_machine **at = &machine->frozen->machines;
    char *sentence = NULL;

    if (asprintf(&sentence, "%s, frozen since %s, %s", machine->id, machine->point, how) < 0)
        sentence = NULL;
    say(machine->frozen, sentence);
    while (*at != machine)
        at = &(*at)->next;
    *at = machine->next;
    machine_free(machine);
}

static void on_timer(struct timer *timer);

static void wait_again(struct frozen_machine *machine)
{
    struct reactor *reactor = machine->frozen->setup.reactor;

    if (!machine->frozen->stopping)
        reactor_arm(reactor, &machine->timer, reactor_now_ns(reactor) + machine->wait_ns, on_timer);
}

/* Loud: somebody's machine may stand still. */
static void say_frozen(const struct frozen_machine *machine, const char *why)
{
    char *sentence = NULL;

    if (asprintf(&sentence,
                 "STILL FROZEN, since %s, may be %s: %s. Its thaw is tried again in %llu s, and no "
                 "restore point of it is made before",
                 machine->point, *machine->id ? machine->id : "its machine", why,
                 (unsigned long long)(machine->wait_ns / NS_PER_S)) < 0)
        sentence = NULL;
    say(machine->frozen, sentence);
}

/* ---- A try ---- */

static void failed(struct frozen_machine *machine, const struct err *error)
{
    machine->wait_ns *= 2;
    if (machine->wait_ns > CUT_FROZEN_AGAIN_MAX_NS)
        machine->wait_ns = CUT_FROZEN_AGAIN_MAX_NS;
    if (!machine->frozen->stopping)
        say_frozen(machine, error->text);
}

static void on_thawed(void *arg, const char *id, const char *point, const struct err *error)
{
    struct frozen_machine *machine = arg;

    (void)id;
    if (!*point) /* some other record, that cannot be read; told at the start */
        return;
    machine->thawed = !err_is_set(error) && (machine->thawed || !machine->told);
    machine->told = true;
    if (err_is_set(error))
        failed(machine, error);
}

static void on_done(void *arg, struct cut_thaw_left *thaw)
{
    struct frozen_machine *machine = arg;

    cut_thaw_left_free(thaw);
    machine->thaw = NULL;
    if (machine->thawed)
        leave(machine, "is thawed at last");
    else if (!machine->told && !machine->frozen->stopping)
        leave(machine, "counts as thawed: its record was removed");
    else
        wait_again(machine);
}

static void on_timer(struct timer *timer)
{
    struct frozen_machine *machine =
        (struct frozen_machine *)((char *)timer - offsetof(struct frozen_machine, timer));
    const struct cut_thaw_setup setup = {.reactor = machine->frozen->setup.reactor,
                                         .folder = machine->frozen->folder,
                                         .only_point = machine->point,
                                         .tries = 1,
                                         .thawed = on_thawed,
                                         .done = on_done,
                                         .arg = machine};
    struct err e = {0};

    machine->told = machine->thawed = false;
    machine->thaw = cut_thaw_left(&setup, &e);
    if (machine->thaw)
        return;
    failed(machine, &e);
    wait_again(machine);
}

/* ---- Use ---- */

void cut_frozen_add(struct cut_frozen *frozen, const char *machine_id, const char *point,
                    const char *why)
{
    struct frozen_machine *machine = calloc(1, sizeof *machine);

    if (!machine || !(machine->id = strdup(machine_id)) || !(machine->point = strdup(point))) {
        machine_free(machine);
        say(frozen, NULL);
        return;
    }
    machine->frozen = frozen;
    machine->wait_ns = CUT_FROZEN_AGAIN_NS;
    machine->next = frozen->machines;
    frozen->machines = machine;
    say_frozen(machine, why);
    wait_again(machine);
}

const char *cut_frozen_since(const struct cut_frozen *frozen, const char *machine_id)
{
    for (const struct frozen_machine *machine = frozen->machines; machine; machine = machine->next)
        if (strcasecmp(machine->id, machine_id) == 0)
            return machine->point;
    return NULL;
}

/* ---- What an earlier life left ---- */

static void on_first(void *arg, const char *machine, const char *point, const struct err *error)
{
    struct cut_frozen *frozen = arg;
    char *sentence = NULL;

    if (!err_is_set(error))
        return;
    if (*point) {
        cut_frozen_add(frozen, machine, point, error->text);
        return;
    }
    if (asprintf(&sentence, "STILL FROZEN may be a machine: %s", error->text) < 0)
        sentence = NULL;
    say(frozen, sentence);
}

static void on_first_done(void *arg, struct cut_thaw_left *left)
{
    struct cut_frozen *frozen = arg;

    cut_thaw_left_free(left);
    frozen->first = NULL;
    frozen->first_done(frozen->first_arg);
}

bool cut_frozen_recover(struct cut_frozen *frozen, void (*done)(void *arg), void *arg,
                        struct err *e)
{
    const struct cut_thaw_setup setup = {.reactor = frozen->setup.reactor,
                                         .folder = frozen->folder,
                                         .thawed = on_first,
                                         .done = on_first_done,
                                         .arg = frozen};

    frozen->first_done = done;
    frozen->first_arg = arg;
    frozen->first = cut_thaw_left(&setup, e);
    return frozen->first != NULL;
}

/* ---- Life ---- */

struct cut_frozen *cut_frozen_new(const struct cut_frozen_setup *setup, struct err *e)
{
    struct cut_frozen *frozen = calloc(1, sizeof *frozen);

    if (frozen && (frozen->folder = strdup(setup->folder))) {
        frozen->setup = *setup;
        return frozen;
    }
    free(frozen);
    err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return NULL;
}

void cut_frozen_stop(struct cut_frozen *frozen)
{
    frozen->stopping = true;
    for (struct frozen_machine *machine = frozen->machines; machine; machine = machine->next)
        reactor_disarm(frozen->setup.reactor, &machine->timer);
}

void cut_frozen_give_up(struct cut_frozen *frozen)
{
    if (frozen->first)
        cut_thaw_left_give_up(frozen->first);
    for (struct frozen_machine *machine = frozen->machines; machine; machine = machine->next)
        if (machine->thaw)
            cut_thaw_left_give_up(machine->thaw);
}

bool cut_frozen_idle(const struct cut_frozen *frozen)
{
    for (const struct frozen_machine *machine = frozen->machines; machine; machine = machine->next)
        if (machine->thaw)
            return false;
    return !frozen->first;
}

void cut_frozen_free(struct cut_frozen *frozen)
{
    if (!frozen)
        return;
    cut_frozen_stop(frozen);
    while (frozen->machines) {
        struct frozen_machine *machine = frozen->machines;

        frozen->machines = machine->next;
        machine_free(machine);
    }
    free(frozen->folder);
    free(frozen);
}
