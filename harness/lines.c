#include "lines.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BITS = 6, WORKERS = 128, SLOT_BITS = 14, SLOTS = 1 << SLOT_BITS, PROBES = 8, RECENT = 8, STAYING = 16 };

/* A set of workers: worker w is bit w % 64 of word w / 64. */
enum { SET_WORD = 64, SET_WORDS = WORKERS / SET_WORD };

struct count {
    uint32_t writes;
    uintptr_t from;            /* the instruction that made one of the later half */
    uint64_t among[SET_WORDS]; /* who was alive at one of them */
};

/* Untouched pages cost nothing. */
static struct table {
    atomic_uint workers;
    pid_t process[WORKERS];
    _Atomic uint64_t alive[SET_WORDS];
    _Atomic uintptr_t line[SLOTS]; /* 0: free */
    atomic_bool shared[SLOTS];     /* other processes see it, too */
    struct count counts[WORKERS][SLOTS];
} * table;

static _Thread_local struct {
    bool known;
    unsigned number; /* WORKERS and more: not counted */
    struct {
        uintptr_t line;
        struct count *count;
    } recent[RECENT];
} self;

static pthread_key_t end_of_thread;
static const struct timespec stay = {.tv_nsec = 20000000};

static uint64_t bit_of(unsigned worker)
{
    return UINT64_C(1) << worker % SET_WORD;
}

/* A thread that forks is another worker in its child. */
static void forget_parent(void)
{
    memset(&self, 0, sizeof self);
}

/* Called by the thread itself: whoever has joined it finds it dead. The first ones stay for a moment, in which the
 * others write once more: on a busy machine one may have been held up for all of its life. */
static void die(void *unused)
{
    (void)unused;
    if (!self.known || self.number >= WORKERS)
        return;
    if (self.number < STAYING)
        nanosleep(&stay, NULL);
    atomic_fetch_and(&table->alive[self.number / SET_WORD], ~bit_of(self.number));
}

__attribute__((constructor)) static void start(void)
{
    table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED || pthread_atfork(NULL, NULL, forget_parent) != 0 ||
        pthread_key_create(&end_of_thread, die) != 0)
        abort();
}

static void come_to_life(void)
{
    self.known = true;
    self.number = atomic_fetch_add(&table->workers, 1);
    if (self.number >= WORKERS)
        return;
    table->process[self.number] = getpid();
    atomic_fetch_or(&table->alive[self.number / SET_WORD], bit_of(self.number));
    pthread_setspecific(end_of_thread, &self);
}

static bool in_shared_mapping(uintptr_t address)
{
    char line[512];
    bool shared = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from, to;
        char rights[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, rights) == 3 && from <= address && address < to)
            shared = rights[3] == 's';
    }
    if (maps != NULL)
        fclose(maps);
    return shared;
}

/* Returns SLOTS if there is no room. */
static size_t find_slot(uintptr_t line)
{
    size_t slot = (line * 0x9e3779b97f4a7c15u) >> (64 - SLOT_BITS); /* Fibonacci hashing: Knuth, TAOCP 3, 6.4 */
    for (int probe = 0; probe < PROBES; probe++, slot = (slot + 1) % SLOTS) {
        uintptr_t found = 0;
        if (atomic_compare_exchange_strong(&table->line[slot], &found, line)) {
            atomic_store(&table->shared[slot], in_shared_mapping(line << LINE_BITS));
            return slot;
        }
        if (found == line)
            return slot;
    }
    return SLOTS;
}

static void write_to(uintptr_t line, uintptr_t from)
{
    if (!self.known)
        come_to_life();
    if (self.recent[line % RECENT].line != line) {
        const size_t slot = self.number < WORKERS ? find_slot(line) : SLOTS;
        self.recent[line % RECENT].line = line;
        self.recent[line % RECENT].count = slot < SLOTS ? &table->counts[self.number][slot] : NULL;
    }
    struct count *count = self.recent[line % RECENT].count;
    if (count == NULL)
        return;
    count->writes++;
    for (size_t word = 0; word < SET_WORDS; word++)
        count->among[word] |= atomic_load_explicit(&table->alive[word], memory_order_relaxed);
    if ((count->writes & (count->writes - 1)) == 0)
        count->from = from;
}

static inline void write_at(const volatile void *address, size_t size, const void *from)
{
    const uintptr_t first = (uintptr_t)address >> LINE_BITS, last = ((uintptr_t)address + size - 1) >> LINE_BITS;
    for (uintptr_t line = first; size > 0 && line <= last; line++)
        write_to(line, (uintptr_t)from - 1); /* inside the call */
}

/* --- the report --- */

static bool wrote_beside(unsigned worker, unsigned other, size_t slot)
{
    return (table->counts[worker][slot].among[other / SET_WORD] & bit_of(other)) != 0;
}

static bool at_once(unsigned a, unsigned b, size_t slot)
{
    return wrote_beside(a, b, slot) && wrote_beside(b, a, slot) &&
           (table->process[a] == table->process[b] || atomic_load(&table->shared[slot]));
}

/* Writes of this worker that others get in the way of: no more than those others make. */
static uint64_t contested(unsigned worker, unsigned workers, size_t slot)
{
    const uint64_t own = table->counts[worker][slot].writes;
    uint64_t theirs = 0;
    for (unsigned other = 0; own > 0 && other < workers; other++)
        if (other != worker && at_once(worker, other, slot))
            theirs += table->counts[other][slot].writes;
    return own < theirs ? own : theirs;
}

/* Without those of the worker that has most. */
static uint64_t contended(unsigned workers, size_t slot, uintptr_t *from)
{
    uint64_t sum = 0, most = 0;
    for (unsigned worker = 0; worker < workers; worker++) {
        const uint64_t writes = contested(worker, workers, slot);
        sum += writes;
        if (writes > most) {
            most = writes;
            *from = table->counts[worker][slot].from;
        }
    }
    return sum - most;
}

extern const char __executable_start[]; /* from the linker */

void lines_report(uint64_t steps)
{
    const unsigned all = atomic_load(&table->workers), workers = all < WORKERS ? all : WORKERS;
    uint64_t most = 0;
    uintptr_t where = 0;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        uintptr_t from = 0;
        const uint64_t writes = atomic_load(&table->line[slot]) != 0 ? contended(workers, slot, &from) : 0;
        if (writes > most) {
            most = writes;
            where = from;
        }
    }
    printf("lines %" PRIu64 " %" PRIu64 " %#" PRIxPTR
           "  (steps; writes to the cache line that is contended most, without its main "
           "writer's; an instruction that does it)\n",
           steps, most, most > 0 ? where - (uintptr_t)__executable_start : 0);
}

/* --- what the compiler calls --- */

#define FROM __builtin_return_address(0)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

#define READS(name)                                                                                                    \
    void name(void *address);                                                                                          \
    void name(void *address)                                                                                           \
    {                                                                                                                  \
        (void)address;                                                                                                 \
    }

#define WRITES(name, size)                                                                                             \
    void name(void *address);                                                                                          \
    void name(void *address)                                                                                           \
    {                                                                                                                  \
        write_at(address, size, FROM);                                                                                 \
    }

#define PLAIN(size)                                                                                                    \
    READS(__tsan_read##size)                                                                                           \
    READS(__tsan_unaligned_read##size)                                                                                 \
    READS(__tsan_volatile_read##size)                                                                                  \
    READS(__tsan_unaligned_volatile_read##size)                                                                        \
    WRITES(__tsan_write##size, size)                                                                                   \
    WRITES(__tsan_unaligned_write##size, size)                                                                         \
    WRITES(__tsan_volatile_write##size, size)                                                                          \
    WRITES(__tsan_unaligned_volatile_write##size, size)                                                                \
    WRITES(__tsan_read_write##size, size)                                                                              \
    WRITES(__tsan_unaligned_read_write##size, size)

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *address, size_t size);
void __tsan_read_range(void *address, size_t size)
{
    (void)address;
    (void)size;
}

void __tsan_write_range(void *address, size_t size);
void __tsan_write_range(void *address, size_t size)
{
    write_at(address, size, FROM);
}

void *__tsan_memcpy(void *into, const void *from, size_t size);
void *__tsan_memcpy(void *into, const void *from, size_t size)
{
    write_at(into, size, FROM);
    return memmove(into, from, size);
}

void *__tsan_memmove(void *into, const void *from, size_t size);
void *__tsan_memmove(void *into, const void *from, size_t size)
{
    write_at(into, size, FROM);
    return memmove(into, from, size);
}

void *__tsan_memset(void *into, int byte, size_t size);
void *__tsan_memset(void *into, int byte, size_t size)
{
    write_at(into, size, FROM);
    return memset(into, byte, size);
}

/* Whatever order is asked for, this is at least as strict. */
#define ORDER __ATOMIC_SEQ_CST

/* What leaves the number as it is, like a spin lock's exchange while another has it, is not counted: how often that is
 * tried is luck. */
#define UPDATE(bits, type, name, builtin, expression)                                                                  \
    type __tsan_atomic##bits##_##name(volatile type *at, type operand, int order);                                     \
    type __tsan_atomic##bits##_##name(volatile type *at, type operand, int order)                                      \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        const type old = builtin(at, operand, ORDER);                                                                  \
        if ((type)(expression) != old)                                                                                 \
            write_at(at, sizeof *at, FROM);                                                                            \
        return old;                                                                                                    \
    }

#define COMPARE(bits, type, name)                                                                                      \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *at, type *expected, type value, int order,        \
                                                      int failed);                                                     \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *at, type *expected, type value, int order,        \
                                                      int failed)                                                      \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        (void)failed;                                                                                                  \
        const int done = __atomic_compare_exchange_n(at, expected, value, false, ORDER, ORDER);                        \
        if (done)                                                                                                      \
            write_at(at, sizeof *at, FROM);                                                                            \
        return done;                                                                                                   \
    }

#define ATOMICS(bits, type)                                                                                            \
    type __tsan_atomic##bits##_load(const volatile type *at, int order);                                               \
    type __tsan_atomic##bits##_load(const volatile type *at, int order)                                                \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        return __atomic_load_n(at, ORDER);                                                                             \
    }                                                                                                                  \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order);                                        \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order)                                         \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        write_at(at, sizeof *at, FROM);                                                                                \
        __atomic_store_n(at, value, ORDER);                                                                            \
    }                                                                                                                  \
    UPDATE(bits, type, exchange, __atomic_exchange_n, operand)                                                         \
    UPDATE(bits, type, fetch_add, __atomic_fetch_add, old + operand)                                                   \
    UPDATE(bits, type, fetch_sub, __atomic_fetch_sub, old - operand)                                                   \
    UPDATE(bits, type, fetch_and, __atomic_fetch_and, old &operand)                                                    \
    UPDATE(bits, type, fetch_or, __atomic_fetch_or, old | operand)                                                     \
    UPDATE(bits, type, fetch_xor, __atomic_fetch_xor, old ^ operand)                                                   \
    UPDATE(bits, type, fetch_nand, __atomic_fetch_nand, ~(old & operand))                                              \
    COMPARE(bits, type, strong)                                                                                        \
    COMPARE(bits, type, weak)                                                                                          \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected, type value, int order,           \
                                                    int failed);                                                       \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected, type value, int order,           \
                                                    int failed)                                                        \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        (void)failed;                                                                                                  \
        if (__atomic_compare_exchange_n(at, &expected, value, false, ORDER, ORDER))                                    \
            write_at(at, sizeof *at, FROM);                                                                            \
        return expected;                                                                                               \
    }

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)
#ifdef __clang__ /* libatomic is linked */
#pragma clang diagnostic ignored "-Watomic-alignment"
#endif

__extension__ typedef unsigned __int128 uint128;

ATOMICS(128, uint128)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    atomic_thread_fence(memory_order_seq_cst);
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    atomic_signal_fence(memory_order_seq_cst);
}
