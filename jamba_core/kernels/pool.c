#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#define MOST 15
#define SPINS 4000     /* of a helper before it sleeps: about 50 microseconds */
#define PATIENCE 20000 /* of the caller: about 250 microseconds */
#define REST 1000      /* loops done alone after that: some forward passes */

/* One word holds the loop's number (high half) and the next chunk (low half), so that a helper
   that comes late can never take a chunk of a newer loop with the older loop's work. */
static _Atomic uint64_t ticket;
static _Atomic int done, total, owned, sleepers;
static Work job;
static void *job_argument;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static _Atomic int helpers, wanted;
static _Thread_local int resting;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/* Take chunks of loop `number` until there are none left. */
static void take(uint32_t number) {
  for (;;) {
    uint64_t now = atomic_load(&ticket);
    if ((uint32_t)(now >> 32) != number) return;
    int chunk = (int)(uint32_t)now;
    int limit = atomic_load(&total);
    if (limit == 0) continue; /* the next loop is just being described */
    if (chunk >= limit) return;
    Work work = job;
    void *argument = job_argument;
    if (!atomic_compare_exchange_weak(&ticket, &now, now + 1)) continue;
    work(argument, chunk);
    atomic_fetch_add(&done, 1);
  }
}

static void *helper(void *place) {
  int me = (int)(intptr_t)place;
  uint32_t seen = 0;
  for (;;) {
    uint32_t number;
    int spins = 0;
    while ((number = (uint32_t)(atomic_load(&ticket) >> 32)) == seen) {
      if (spins++ < SPINS) {
        pause_briefly();
        if (spins % 256 == 0) sched_yield();
        continue;
      }
      pthread_mutex_lock(&mutex);
      atomic_fetch_add(&sleepers, 1);
      while ((uint32_t)(atomic_load(&ticket) >> 32) == seen) pthread_cond_wait(&wake, &mutex);
      atomic_fetch_sub(&sleepers, 1);
      pthread_mutex_unlock(&mutex);
    }
    seen = number;
    if (me < atomic_load(&wanted)) take(number);
  }
  return 0;
}

static void forget_helpers(void) { /* a forked child has none of its parent's threads */
  atomic_store(&helpers, 0);
  atomic_store(&wanted, 0);
  atomic_store(&sleepers, 0);
  atomic_store(&owned, 0);
}

void pool_helpers(int count) {
  static _Atomic int registered;
  if (!atomic_exchange(&registered, 1)) pthread_atfork(0, 0, forget_helpers);
  if (count > MOST) count = MOST;
  while (atomic_load(&helpers) < count) {
    pthread_t thread;
    intptr_t place = atomic_load(&helpers);
    if (pthread_create(&thread, 0, helper, (void *)place)) break;
    pthread_detach(thread);
    atomic_fetch_add(&helpers, 1);
  }
  atomic_store(&wanted, count);
}

static void chunks_alone(Work work, void *argument, int chunks) {
  for (int c = 0; c < chunks; c++) work(argument, c);
}

void pool_run(Work work, void *argument, int chunks) {
  int busy = 0;
  if (resting > 0) {
    resting--;
    chunks_alone(work, argument, chunks);
    return;
  }
  if (chunks < 2 || !atomic_load(&wanted) || !atomic_compare_exchange_strong(&owned, &busy, 1)) {
    chunks_alone(work, argument, chunks); /* also beside another caller */
    return;
  }
  uint32_t number = (uint32_t)(atomic_load(&ticket) >> 32) + 1;
  atomic_store(&total, 0); /* nobody can take a chunk while the loop is being described */
  job = work;
  job_argument = argument;
  atomic_store(&done, 0);
  atomic_store(&ticket, (uint64_t)number << 32);
  atomic_store(&total, chunks);
  if (atomic_load(&sleepers)) {
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&mutex);
  }
  take(number);
  for (int spins = 0; atomic_load(&done) < chunks; spins++) {
    pause_briefly();
    if (spins < PATIENCE) continue;
    sched_yield();
    resting = REST; /* a helper lost its core in the middle of a chunk: others need it */
  }
  atomic_store(&owned, 0);
}
