/* control_socket_test.c - who may listen where, who may connect, and what is left behind. */
#include "io/control_socket.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/await.h"

#define ALIEN_UID    65534u /* nobody */
#define RIVALS_COUNT 8

struct place {
    struct rig rig;
    struct control_socket *cs;
    char path[TEST_PATH_MAX_BYTES];
    int joined[8];
    unsigned count;
};

static void on_joined(void *arg, int fd)
{
    struct place *p = arg;

    cr_assert_lt(p->count, 8u);
    p->joined[p->count++] = fd;
}

static void set_up(struct place *p, enum reactor_backend backend)
{
    memset(p, 0, sizeof *p);
    rig_open(&p->rig, backend);
    test_temp_path(p->path, "c"); /* short: a socket's path has 107 bytes */
    cr_assert_lt(strlen(p->path), 107u, "TMPDIR is too long for a socket");
}

static void listen_there(struct place *p)
{
    struct err e = {0};

    p->cs = control_socket_open(p->rig.r, p->path, on_joined, p, &e);
    cr_assert(p->cs, "%s", e.text);
}

static void refused_there(struct place *p, const char *words)
{
    struct err e = {0};

    cr_assert_null(control_socket_open(p->rig.r, p->path, on_joined, p, &e));
    cr_expect(strstr(e.text, words), "%s", e.text);
}

static void tear_down(struct place *p)
{
    control_socket_close(p->cs);
    for (unsigned i = 0; i < p->count; i++)
        close(p->joined[i]);
    rig_close(&p->rig);
}

TEST_BOTH(control_socket, lets_the_same_user_in_and_removes_its_path)
{
    struct err e = {0};
    struct place p;
    struct stat st;
    int fds[3];
    char byte = 0;
    mode_t mask = umask(0);

    set_up(&p, backend);
    listen_there(&p);
    umask(mask);
    cr_assert_eq(lstat(p.path, &st), 0);
    cr_expect(S_ISSOCK(st.st_mode));
    cr_expect_eq(st.st_mode & 07777, 0600u);
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = control_socket_connect(p.path, &e);
        cr_assert_geq(fds[i], 0, "%s", e.text);
        while (p.count <= i)
            rig_turn(&p.rig);
    }
    cr_assert_eq(write(fds[2], "x", 1), 1);
    cr_expect_eq(recv(p.joined[2], &byte, 1, MSG_DONTWAIT), 1);
    cr_expect_eq(byte, 'x');
    cr_expect(fcntl(p.joined[0], F_GETFL) & O_NONBLOCK);
    for (unsigned i = 0; i < 3; i++)
        close(fds[i]);
    tear_down(&p);
    cr_expect_neq(lstat(p.path, &st), 0);
}

TEST_BOTH(control_socket, replaces_what_a_killed_process_left)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct place p;
    int left = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    struct err e = {0};

    set_up(&p, backend);
    strcpy(address.sun_path, p.path);
    cr_assert_eq(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(left, 1), 0);
    close(left); /* as a kill does: the path stays */
    cr_assert_lt(control_socket_connect(p.path, &e), 0);
    cr_expect_eq(e.kind, ERR_GONE);
    listen_there(&p);
    err_clear(&e);
    fd = control_socket_connect(p.path, &e);
    cr_expect_geq(fd, 0, "%s", e.text);
    close(fd);
    tear_down(&p);
}

Test(control_socket, leaves_alone_what_another_user_left)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    struct place p;
    struct stat st;

    if (geteuid() != 0)
        cr_skip("only root can be somebody else");
    set_up(&p, REACTOR_AUTO);
    strcpy(address.sun_path, p.path);
    cr_assert_eq(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    close(left);
    cr_assert_eq(chown(p.path, ALIEN_UID, ALIEN_UID), 0);
    refused_there(&p, "a socket of another user");
    cr_expect_eq(lstat(p.path, &st), 0);
    cr_expect_eq(st.st_uid, ALIEN_UID);
    cr_expect_eq(unlink(p.path), 0);
    tear_down(&p);
}

/* Each begins when it sees the same leftover; one may listen, and its socket stays. */
Test(control_socket, lets_one_of_several_replace_a_leftover)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int left = socket(AF_UNIX, SOCK_STREAM, 0), gate[2], listening = 0, fd;
    pid_t rivals[RIVALS_COUNT];
    struct place p;
    struct err e = {0};
    char byte;

    set_up(&p, REACTOR_AUTO);
    strcpy(address.sun_path, p.path);
    cr_assert_eq(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    close(left);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, gate), 0);
    for (int i = 0; i < RIVALS_COUNT; i++) {
        rivals[i] = fork();
        if (rivals[i] == 0) {
            struct place mine;

            set_up(&mine, REACTOR_EPOLL);
            mine.cs = control_socket_open(mine.rig.r, p.path, on_joined, &mine, &e);
            byte = mine.cs ? 'y' : 'n';
            (void)!write(gate[1], &byte, 1);
            pause(); /* killed: nothing is tidied up */
        }
    }
    for (int i = 0; i < RIVALS_COUNT; i++) {
        cr_assert_eq(read(gate[0], &byte, 1), 1);
        listening += byte == 'y';
    }
    cr_expect_eq(listening, 1);
    fd = control_socket_connect(p.path, &e);
    cr_expect_geq(fd, 0, "%s", e.text);
    close(fd);
    for (int i = 0; i < RIVALS_COUNT; i++) {
        kill(rivals[i], SIGKILL);
        waitpid(rivals[i], NULL, 0);
    }
    rig_close(&p.rig);
}

TEST_BOTH(control_socket, leaves_alone_what_another_process_listens_at)
{
    struct place first, second;
    struct stat st;

    set_up(&first, backend);
    listen_there(&first);
    set_up(&second, backend);
    refused_there(&second, "another process listens");
    cr_expect_eq(lstat(first.path, &st), 0);
    tear_down(&second);
    tear_down(&first);
}

TEST_BOTH(control_socket, leaves_alone_what_is_no_socket)
{
    struct place p;
    struct stat st;
    FILE *file;
    char other[TEST_PATH_MAX_BYTES];

    set_up(&p, backend);
    file = fopen(p.path, "w");
    cr_assert(file);
    fclose(file);
    refused_there(&p, "is no socket");
    cr_assert_eq(lstat(p.path, &st), 0);
    cr_expect(S_ISREG(st.st_mode));
    unlink(p.path);
    test_temp_path(other, "d");
    cr_assert_eq(symlink(other, p.path), 0);
    refused_there(&p, "is no socket");
    cr_assert_eq(lstat(p.path, &st), 0);
    cr_expect(S_ISLNK(st.st_mode));
    tear_down(&p);
}

TEST_BOTH(control_socket, does_not_remove_what_took_its_place)
{
    struct place p;
    struct stat st;
    FILE *file;

    set_up(&p, backend);
    listen_there(&p);
    cr_assert_eq(unlink(p.path), 0);
    file = fopen(p.path, "w");
    cr_assert(file);
    fclose(file);
    tear_down(&p);
    cr_assert_eq(lstat(p.path, &st), 0);
    cr_expect(S_ISREG(st.st_mode));
}

Test(control_socket, says_that_a_path_is_too_long_or_its_folder_missing)
{
    struct err e = {0};
    struct place p;

    set_up(&p, REACTOR_AUTO);
    memset(p.path, 'a', 108);
    p.path[108] = 0;
    refused_there(&p, "108 bytes");
    cr_expect_lt(control_socket_connect(p.path, &e), 0);
    cr_expect_eq(e.kind, ERR_USAGE);
    p.path[107] = 0;
    memcpy(p.path, "/no/", 4);
    refused_there(&p, "cannot make the control socket /no/");
    err_clear(&e);
    cr_expect_lt(control_socket_connect(p.path, &e), 0);
    cr_expect_eq(e.kind, ERR_GONE);
    tear_down(&p);
}

/* What the mode keeps out is let through here, so that the credentials must. */
Test(control_socket, closes_the_door_to_another_user)
{
    struct place p;
    pid_t child;
    int status = 0;
    bool over = false;

    if (geteuid() != 0)
        cr_skip("only root can be somebody else");
    set_up(&p, REACTOR_AUTO);
    snprintf(p.path, sizeof p.path, "/tmp/control_socket_test.%ld", (long)getpid());
    listen_there(&p);
    cr_assert_eq(chmod(p.path, 0666), 0);
    child = fork();
    if (child == 0) {
        struct err e = {0};
        char byte;
        int fd;

        if (setgid(ALIEN_UID) != 0 || setuid(ALIEN_UID) != 0)
            _exit(2);
        fd = control_socket_connect(p.path, &e);
        _exit(fd >= 0 && recv(fd, &byte, 1, 0) == 0 ? 0 : 3);
    }
    while (!over) {
        struct err e = {0};

        cr_assert(reactor_turn(p.rig.r, 10 * NS_PER_MS, &e));
        over = waitpid(child, &status, WNOHANG) == child;
    }
    cr_expect_eq(status, 0, "the child found %x", (unsigned)status);
    cr_expect_eq(p.count, 0u);
    tear_down(&p);
}

TEST_BOTH(control_socket, answers_again_when_descriptors_are_back)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    struct err e = {0};
    struct place p;
    int taken[1024], count = 0, fd;

    set_up(&p, backend);
    listen_there(&p);
    fd = control_socket_connect(p.path, &e);
    cr_assert_geq(fd, 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count < 1024 && (taken[count] = dup(fd)) >= 0)
        count++;
    for (int i = 0; i < 5; i++)
        rig_peek(&p.rig);
    cr_expect_eq(p.count, 0u);
    while (count > 0)
        close(taken[--count]);
    while (p.count < 1)
        rig_turn(&p.rig);
    close(fd);
    tear_down(&p);
}
