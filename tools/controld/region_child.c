/* region_child.c - see region_child.h. */
#include "tools/controld/region_child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/durable.h"
#include "tools/controld/bound_process.h"

#define KEY_BYTES         64u
#define KEY_TEXT_BYTES    ((KEY_BYTES + 2) / 3 * 4)
#define PORT_FIRST        20000u /* below those that the kernel gives to connections */
#define PORT_COUNT        10000u
#define PORT_TEXT_MAX     15u
#define TRIES_OF_A_PORT   6u /* an earlier life's regiond may still be on its way out */
#define TRIES_MAX         14u
#define CHOICES_MAX       20u
#define PAUSE_FIRST_NS    (50 * NS_PER_MS)
#define PAUSE_DOUBLINGS   6u
#define SOUND_NS          (10 * NS_PER_S) /* who lived that long may die again */
#define END_LIMIT_NS      (1 * NS_PER_S)  /* what it has answered is there, killed or not */
#define REGION_TEXT_BYTES 512u
_Static_assert(PORT_FIRST + PORT_COUNT <= 32768u, "clear of the usual ephemeral ports");

struct region_child {
    struct region_child_setup setup; /* its texts are ours */
    char *key_file, *port_file, *data;
    char *account; /* as regiond's option takes it */
    char url[160];
    unsigned port;
    bool port_is_kept, serving, served, ending;
    unsigned failures; /* in a row */
    uint64_t serves_since_ns;
    struct bound_process *process;
    struct timer pause;
    bool paused;
};

static void start_process(struct region_child *child);

static void say(struct region_child *child, const char *what)
{
    char text[REGION_TEXT_BYTES];

    snprintf(text, sizeof text, "the region %.80s %s", child->setup.name, what);
    child->setup.log(child->setup.arg, text);
}

/* ---- What its folder keeps ---- */

static bool keep_key(const char *path, struct err *e)
{
    unsigned char random[KEY_BYTES], text[KEY_TEXT_BYTES + 2];
    struct stat st;
    bool ok;

    if (stat(path, &st) == 0)
        return !(st.st_mode & (S_IRWXG | S_IRWXO)) ||
               err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is a key that others may read", path);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot make a key");
    EVP_EncodeBlock(text, random, KEY_BYTES);
    text[KEY_TEXT_BYTES] = '\n';
    ok = durable_write(path, text, KEY_TEXT_BYTES + 1, e);
    explicit_bzero(random, sizeof random);
    explicit_bzero(text, sizeof text);
    return ok;
}

static bool choose_port(struct region_child *child, struct err *e)
{
    unsigned random;

    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot choose a port");
    child->port = PORT_FIRST + random % PORT_COUNT;
    child->port_is_kept = false;
    return true;
}

static bool find_port(struct region_child *child, struct err *e)
{
    char *text = NULL;
    size_t bytes = 0;
    unsigned long port;

    if (!durable_read(child->port_file, PORT_TEXT_MAX, &text, &bytes, e))
        return false;
    port = text ? strtoul(text, NULL, 10) : 0;
    free(text);
    if (port < PORT_FIRST || port >= PORT_FIRST + PORT_COUNT)
        return choose_port(child, e);
    child->port = (unsigned)port;
    child->port_is_kept = true;
    return true;
}

static void keep_port(struct region_child *child)
{
    char text[PORT_TEXT_MAX + 1];
    struct err e = {0};
    int bytes = snprintf(text, sizeof text, "%u\n", child->port);

    if (!child->port_is_kept && !durable_write(child->port_file, text, (size_t)bytes, &e))
        child->setup.log(child->setup.arg, e.text); /* another one the next time, at worst */
    child->port_is_kept = true;
}

static bool port_is_free(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    bool is_free = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                   bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0;

    if (fd >= 0)
        close(fd);
    return is_free;
}

/* ---- Again ---- */

static void on_pause_over(struct timer *timer)
{
    struct region_child *child =
        (struct region_child *)((char *)timer - offsetof(struct region_child, pause));

    child->paused = false;
    start_process(child);
}

static void give_up(struct region_child *child, const char *why)
{
    struct err e = {0};

    child->ending = true;
    err_set(&e, ERR_IO, RETRY_NEVER, "the region %.80s does not begin: %.200s", child->setup.name,
            why);
    child->setup.failed(child->setup.arg, &e);
}

static void try_again(struct region_child *child, const char *why)
{
    unsigned doublings = child->failures < PAUSE_DOUBLINGS ? child->failures : PAUSE_DOUBLINGS;

    child->failures++;
    if (!child->served && child->failures >= TRIES_MAX) {
        give_up(child, why);
        return;
    }
    child->paused = true;
    reactor_arm(child->setup.reactor, &child->pause,
                reactor_now_ns(child->setup.reactor) + (PAUSE_FIRST_NS << doublings),
                on_pause_over);
}

/* ---- One life of it ---- */

/* {"event":"ready","url":"http://127.0.0.1:PORT","pid":N} */
static void on_line(void *arg, const char *line)
{
    struct region_child *child = arg;
    json_t *ready = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *url = json_string_value(json_object_get(ready, "url"));

    if (url && !child->ending) {
        child->serving = true;
        child->serves_since_ns = reactor_now_ns(child->setup.reactor);
        if (child->served) {
            say(child, "serves again");
        } else {
            child->served = true;
            keep_port(child);
            child->setup.serves(child->setup.arg, child);
        }
    }
    json_decref(ready);
}

static void on_ended(void *arg, int status)
{
    struct region_child *child = arg;
    bool sound =
        child->serving && reactor_now_ns(child->setup.reactor) - child->serves_since_ns > SOUND_NS;
    char what[100];

    bound_process_free(child->process, 0);
    child->process = NULL;
    child->serving = false;
    if (child->ending)
        return;
    if (sound)
        child->failures = 0;
    if (WIFSIGNALED(status))
        snprintf(what, sizeof what, "was ended by signal %d", WTERMSIG(status));
    else
        snprintf(what, sizeof what, "ended with status %d", WEXITSTATUS(status));
    say(child, what);
    try_again(child, what);
}

static void start_process(struct region_child *child)
{
    char listen_at[40];
    const char *arguments[] = {
        child->setup.program,   "--data",   child->data, "--account", child->account, "--container",
        child->setup.container, "--listen", listen_at,   NULL};
    const struct bound_process_setup setup = {.reactor = child->setup.reactor,
                                              .arguments = arguments,
                                              .line = on_line,
                                              .ended = on_ended,
                                              .arg = child};
    struct err e = {0};

    if (!child->served && !port_is_free(child->port)) {
        if (child->port_is_kept && child->failures < TRIES_OF_A_PORT) {
            try_again(child, "its port is taken");
            return;
        }
        if (child->port_is_kept)
            say(child, "moves to another port, as somebody else has the one it had");
        for (unsigned i = 0; i < CHOICES_MAX && !port_is_free(child->port); i++)
            if (!choose_port(child, &e)) {
                give_up(child, e.text);
                return;
            }
    }
    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%u", child->port);
    snprintf(child->url, sizeof child->url, "http://%s/%.80s", listen_at, child->setup.name);
    child->process = bound_process_start(&setup, &e);
    if (!child->process)
        try_again(child, e.text);
}

/* ---- Life ---- */

static bool copy_setup(struct region_child *child, const struct region_child_setup *from)
{
    const char *folder = from->folder;

    child->setup = *from;
    child->setup.program = strdup(from->program);
    child->setup.name = strdup(from->name);
    child->setup.folder = NULL; /* in the paths of its files */
    child->setup.container = strdup(from->container);
    if (asprintf(&child->key_file, "%s/key", folder) < 0)
        child->key_file = NULL;
    if (asprintf(&child->port_file, "%s/port", folder) < 0)
        child->port_file = NULL;
    if (asprintf(&child->data, "%s/data", folder) < 0)
        child->data = NULL;
    if (asprintf(&child->account, "%s:@%s/key", from->name, folder) < 0)
        child->account = NULL;
    return child->setup.program && child->setup.name && child->setup.container && child->key_file &&
           child->port_file && child->data && child->account;
}

struct region_child *region_child_start(const struct region_child_setup *setup, struct err *e)
{
    struct region_child *child = calloc(1, sizeof *child);

    if (!child || !copy_setup(child, setup)) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin a region");
    } else if (durable_make_folder(child->data, e) && keep_key(child->key_file, e) &&
               find_port(child, e)) {
        child->paused = true; /* so that no callback comes before our caller has us */
        reactor_arm(setup->reactor, &child->pause, reactor_now_ns(setup->reactor), on_pause_over);
        return child;
    }
    region_child_free(child);
    return NULL;
}

void region_child_end(struct region_child *child)
{
    child->ending = true;
    child->serving = false;
    if (child->process)
        bound_process_end(child->process);
}

void region_child_free(struct region_child *child)
{
    if (!child)
        return;
    if (child->paused)
        reactor_disarm(child->setup.reactor, &child->pause);
    bound_process_free(child->process, END_LIMIT_NS);
    free((char *)(uintptr_t)child->setup.program);
    free((char *)(uintptr_t)child->setup.name);
    free((char *)(uintptr_t)child->setup.container);
    free(child->key_file);
    free(child->port_file);
    free(child->data);
    free(child->account);
    free(child);
}

/* ---- Look ---- */

bool region_child_served(const struct region_child *child)
{
    return child->served;
}

const char *region_child_url(const struct region_child *child)
{
    return child->url;
}

const char *region_child_key_file(const struct region_child *child)
{
    return child->key_file;
}
