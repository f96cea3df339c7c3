// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "cli/cli.h"

// What the handler sets; a handler has no argument of its own.
static ds_progress *signal_progress;

static void stop(int signal_number) {
  (void)signal_number;
  atomic_store_explicit(&signal_progress->stop, 1, memory_order_relaxed);
}

// A signal that the parent ignores (nohup, a job in the background) stays ignored.
static void catch(int signal_number, const struct sigaction *action) {
  struct sigaction before;
  if (sigaction(signal_number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(signal_number, action, NULL);
}

void cli_catch_signals(ds_progress *progress) {
  signal_progress = progress;
  // The handler is reset when it has run: who asks twice is not kept waiting.
  struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  catch(SIGINT, &action);
  catch(SIGTERM, &action);
  // A reader that goes away is noticed where we write.
  signal(SIGPIPE, SIG_IGN);
}

// A sanitizer that looks for leaks reads this process, which must be allowed then.
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif

void cli_refuse_dumps(void) {
#if defined(__linux__) && !defined(WATCHED)
  (void)prctl(PR_SET_DUMPABLE, 0);
#endif
  (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
