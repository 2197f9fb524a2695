/* Sharing one loop among a few threads without ever waiting for one that has not begun.

The caller takes chunks like its helpers do, so a helper whose core is busy with something else
costs nothing: its share is simply done by others. Helpers wait actively for a moment, because
the next loop of a forward pass follows within microseconds, and then sleep. */
#ifndef POOL_H
#define POOL_H

typedef void (*Work)(void *argument, int chunk);

/* Run work(argument, c) for c in 0 .. chunks - 1; returns when all are done. */
void pool_run(Work work, void *argument, int chunks);

/* Threads besides the caller; called before anything else, and again to change it. */
void pool_helpers(int count);

#endif
