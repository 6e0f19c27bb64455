/* ferry_disks.c - runs a job by libsnapferry: events go to stdout, Ctrl-C stops it, and it can go on later.
 *
 *     cc ferry_disks.c $(pkg-config --cflags --libs snapferry) -pthread -o ferry_disks
 *     ./ferry_disks job.json '{"command":"setLimits","bytesPerSecond":10485760}'
 */
#include <pthread.h>
#include <signal.h>
#include <snapferry.h>
#include <stdio.h>
#include <string.h>

static sigset_t interrupt;

static void print_event(void *user, const char *line, size_t bytes)
{
    fwrite(line, 1, bytes, user);
    putc('\n', user);
    fflush(user);
}

static void *stop_on_interrupt(void *handle)
{
    int number;

    sigwait(&interrupt, &number);
    snapferry_stop(handle); /* any thread may */
    return NULL;
}

int main(int argc, char **argv)
{
    struct snapferry_options options = {.size = sizeof options,
                                        .event = print_event,
                                        .user = stdout};
    static char job[1 << 20];
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    size_t bytes = file ? fread(job, 1, sizeof job, file) : 0;
    struct snapferry *handle = snapferry_new(&options, job, bytes);
    pthread_t listener;
    int status;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    if (!file || !handle || pthread_create(&listener, NULL, stop_on_interrupt, handle) != 0)
        return SNAPFERRY_INVALID;
    for (int i = 2; i < argc; i++)
        snapferry_command(handle, argv[i], strlen(argv[i]));
    status = snapferry_run(handle);
    pthread_kill(listener, SIGINT);
    pthread_join(listener, NULL);
    snapferry_free(handle);
    fclose(file);
    return status;
}
