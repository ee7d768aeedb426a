/* expect: right | handlers of pthread_atfork: in which order, and in which process; a child makes its mutex anew */
#include <assert.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, list = PTHREAD_MUTEX_INITIALIZER;
static int order;

static void before(void)
{
    pthread_mutex_lock(&list);
    assert(order++ == 1);
}

static void last_registered_goes_first(void)
{
    assert(order++ == 0);
}

static void in_parent(void)
{
    order += 10;
    pthread_mutex_unlock(&list);
}

static void in_child(void)
{
    order += 20;
    pthread_mutex_unlock(&list);
    pthread_mutex_init(&mutex, NULL);
}

static void *hold(void *argument)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return argument;
}

int main(void)
{
    pthread_t thread;
    assert(pthread_atfork(before, in_parent, in_child) == 0);
    assert(pthread_atfork(last_registered_goes_first, NULL, NULL) == 0);
    pthread_create(&thread, NULL, hold, NULL);
    const pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&mutex);
        assert(order == 22);
        pthread_mutex_lock(&list);
        pthread_mutex_unlock(&list);
        _exit(0);
    }
    assert(order == 12);
    pthread_join(thread, NULL);
    assert(waitpid(child, NULL, 0) == child);
    return 0;
}
