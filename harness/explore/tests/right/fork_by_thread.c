/* expect: right | a thread forks a child, which uses the stack of that thread */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void *start(void *argument)
{
    int local = *(int *)argument, ends[2], got;
    assert(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        local += 10;
        assert(write(ends[1], &local, sizeof local) == sizeof local);
        _exit(0);
    }
    assert(read(ends[0], &got, sizeof got) == sizeof got);
    assert(got == local + 10);
    close(ends[0]);
    close(ends[1]);
    assert(waitpid(child, NULL, 0) == child);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int numbers[2] = {1, 2};
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, start, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
