/* expect: assertion | a process is killed between two writes under a robust lock, and who comes next takes half for
 * whole */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct account {
    pthread_mutex_t lock;
    int paid_in;
    char owner[64];
    int balance;
} * account;

static void lock(void)
{
    if (pthread_mutex_lock(&account->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&account->lock);
}

static void pay_in(int amount)
{
    lock();
    account->paid_in += amount;
    account->balance += amount;
    pthread_mutex_unlock(&account->lock);
}

int main(void)
{
    pthread_mutexattr_t attributes;
    account = mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&account->lock, &attributes);
    const pid_t child = fork();
    if (child == 0) {
        pay_in(10);
        _exit(0);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    lock();
    assert(account->paid_in == account->balance);
    pthread_mutex_unlock(&account->lock);
    return 0;
}
