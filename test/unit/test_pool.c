// SPDX-License-Identifier: Apache-2.0
// Also run under the thread sanitizer.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/pool.h"

enum { JOBS = 1000, THREADS = 8 };

// Each job and each thread has a slot of its own; nothing but `stop` is shared.
typedef struct bench {
  uint32_t runs[JOBS];
  uint64_t sum_of_thread[DS_THREADS_MAX];
  pthread_t caller;
  uint32_t fail_from; // jobs from here on fail
  uint32_t stop_at;   // this job sets `stop`
  uint32_t other_threads[DS_THREADS_MAX];
  atomic_int stop;
} bench;

static bench new_bench(void) {
  bench made = {.fail_from = UINT32_MAX, .stop_at = UINT32_MAX};
  made.caller = pthread_self();
  return made;
}

static ds_code run_job(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  bench *own = context;
  own->runs[job]++;
  own->sum_of_thread[thread] += job;
  own->other_threads[thread] += pthread_equal(pthread_self(), own->caller) == 0;
  if (job == own->stop_at)
    atomic_store(&own->stop, 1);
  if (job >= own->fail_from)
    return ds_fail(err, DS_INPUT, "job %u", job);
  return DS_OK;
}

static void test_every_job_runs_once(void **state) {
  (void)state;
  for (uint32_t threads = 1; threads <= THREADS; threads++) {
    bench own = new_bench();
    ds_error err = {0};
    assert_int_equal(ds_parallel(threads, JOBS, run_job, &own, &own.stop, &err), DS_OK);
    assert_string_equal(err.message, "");
    uint64_t sum = 0;
    for (uint32_t i = 0; i < JOBS; i++)
      assert_int_equal(own.runs[i], 1);
    for (uint32_t i = 0; i < DS_THREADS_MAX; i++)
      sum += own.sum_of_thread[i];
    assert_int_equal(sum, (uint64_t)JOBS * (JOBS - 1) / 2);
    for (uint32_t i = threads; i < DS_THREADS_MAX; i++)
      assert_int_equal(own.sum_of_thread[i], 0);
  }
}

static void test_one_thread_is_the_caller(void **state) {
  (void)state;
  bench own = new_bench();
  assert_int_equal(ds_parallel(1, JOBS, run_job, &own, NULL, NULL), DS_OK);
  for (uint32_t i = 0; i < DS_THREADS_MAX; i++)
    assert_int_equal(own.other_threads[i], 0);
}

static void test_thread_zero_is_the_caller(void **state) {
  (void)state;
  bench own = new_bench();
  assert_int_equal(ds_parallel(THREADS, JOBS, run_job, &own, NULL, NULL), DS_OK);
  assert_int_equal(own.other_threads[0], 0);
}

static void test_no_jobs_and_too_many_threads(void **state) {
  (void)state;
  bench own = new_bench();
  assert_int_equal(ds_parallel(THREADS, 0, run_job, &own, NULL, NULL), DS_OK);
  assert_int_equal(own.runs[0], 0);
  assert_int_equal(ds_parallel(UINT32_MAX, 3, run_job, &own, NULL, NULL), DS_OK);
  assert_int_equal(own.runs[2], 1);
  assert_int_equal(own.runs[3], 0);
  assert_int_equal(ds_parallel(UINT32_MAX, JOBS, run_job, &own, NULL, NULL), DS_OK);
}

// Jobs start in order, so the first that fails has always started before the others that fail.
static void test_lowest_failure_is_reported(void **state) {
  (void)state;
  for (uint32_t threads = 1; threads <= THREADS; threads++) {
    bench own = new_bench();
    own.fail_from = 100;
    ds_error err = {0};
    assert_int_equal(ds_parallel(threads, JOBS, run_job, &own, NULL, &err), DS_INPUT);
    assert_int_equal(err.code, DS_INPUT);
    assert_string_equal(err.message, "job 100");
    uint32_t runs = 0;
    for (uint32_t i = 0; i < JOBS; i++)
      runs += own.runs[i];
    assert_in_range(runs, 101, 100 + threads);
    assert_int_equal(ds_parallel(threads, JOBS, run_job, &own, NULL, NULL), DS_INPUT);
  }
}

static void test_stop_interrupts(void **state) {
  (void)state;
  for (uint32_t threads = 1; threads <= THREADS; threads++) {
    bench own = new_bench();
    own.stop_at = 50;
    ds_error err = {0};
    assert_int_equal(ds_parallel(threads, JOBS, run_job, &own, &own.stop, &err), DS_INTERRUPTED);
    assert_int_equal(err.code, DS_INTERRUPTED);
    assert_int_equal(own.runs[50], 1);
  }
}

static void test_stopped_before_the_start(void **state) {
  (void)state;
  bench own = new_bench();
  atomic_store(&own.stop, 1);
  assert_int_equal(ds_parallel(THREADS, JOBS, run_job, &own, &own.stop, NULL), DS_INTERRUPTED);
  for (uint32_t i = 0; i < JOBS; i++)
    assert_int_equal(own.runs[i], 0);
}

// A stop that comes with the last job has nothing left to keep from running.
static void test_stop_in_the_last_job_is_done(void **state) {
  (void)state;
  bench own = new_bench();
  own.stop_at = JOBS - 1;
  assert_int_equal(ds_parallel(1, JOBS, run_job, &own, &own.stop, NULL), DS_OK);
}

static ds_code fail_silently(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  (void)context, (void)thread, (void)job, (void)err;
  return DS_MEMORY;
}

static void test_code_without_message(void **state) {
  (void)state;
  ds_error err = {0};
  assert_int_equal(ds_parallel(2, 4, fail_silently, NULL, NULL, &err), DS_MEMORY);
  assert_int_equal(err.code, DS_MEMORY);
}

static void test_processors(void **state) {
  (void)state;
  assert_in_range(ds_processors(), 1, DS_THREADS_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_job_runs_once),
      cmocka_unit_test(test_one_thread_is_the_caller),
      cmocka_unit_test(test_thread_zero_is_the_caller),
      cmocka_unit_test(test_no_jobs_and_too_many_threads),
      cmocka_unit_test(test_lowest_failure_is_reported),
      cmocka_unit_test(test_stop_interrupts),
      cmocka_unit_test(test_stopped_before_the_start),
      cmocka_unit_test(test_stop_in_the_last_job_is_done),
      cmocka_unit_test(test_code_without_message),
      cmocka_unit_test(test_processors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
