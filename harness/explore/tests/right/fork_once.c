/* expect: right | each process runs its own once function: its flag is as it was when it was forked */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_once_t before = PTHREAD_ONCE_INIT, after = PTHREAD_ONCE_INIT;
static int made_before, made_after;

static void make_before(void)
{
    made_before++;
}

static void make_after(void)
{
    made_after++;
}

static void use(void)
{
    pthread_once(&before, make_before);
    pthread_once(&after, make_after);
    assert(made_before == 1 && made_after == 1);
}

static void *begin_another(void *unused)
{
    pthread_once(&after, make_after);
    return unused;
}

int main(void)
{
    int status;
    pthread_t thread;
    pthread_once(&before, make_before);
    pthread_create(&thread, NULL, begin_another, NULL); /* the fork may come while it is in make_after */
    const pid_t child = fork();
    if (child == 0) {
        pthread_once(&before, make_before);
        assert(made_before == 1);
        _exit(0);
    }
    use();
    pthread_join(thread, NULL);
    assert(waitpid(child, &status, 0) == child && status == 0);
    const pid_t later = fork();
    use();
    if (later == 0)
        _exit(0);
    assert(waitpid(later, &status, 0) == later && status == 0);
    return 0;
}
