/*
 * A library for LD_PRELOAD that makes one call of the file system fail, or kills the process there: the call number FAULT_AT among
 * those for files below FAULT_ROOT, counted over all threads. FAULT_ACTION is ENOSPC, EIO, EROFS, KILL-BEFORE or KILL-AFTER. Each
 * counted call writes its name to FAULT_LOG.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;
static const char handles[] = "/proc/self/fd/";

static int is_below_root(const char *path) {
  const char *root = getenv("FAULT_ROOT");
  return root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static int is_counted_handle(int handle) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "%s%d", handles, handle);
  long length = syscall(SYS_readlink, link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below_root(path);
}

/* A path below the handle of a directory is below the directory. */
static int is_counted_path(const char *path) {
  if (strncmp(path, handles, sizeof handles - 1) == 0) return is_counted_handle(atoi(path + sizeof handles - 1));
  return is_below_root(path);
}

static void note(const char *name) {
  const char *log = getenv("FAULT_LOG");
  if (log == NULL) return;
  int file = syscall(SYS_open, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  char line[64];
  int length = snprintf(line, sizeof line, "%s\n", name);
  if (file < 0) abort();
  if (syscall(SYS_write, file, line, length) != length) abort();
  syscall(SYS_close, file);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* 0: go on; 1: die after the call; an errno: fail with it. */
static int fault(const char *name, int is_counted) {
  if (!is_counted) return 0;
  int before = errno;
  note(name);
  const char *at = getenv("FAULT_AT"), *action = getenv("FAULT_ACTION");
  errno = before;
  if (atomic_fetch_add(&calls, 1) + 1 != (at == NULL ? -1 : atol(at))) return 0;
  if (strcmp(action, "KILL-BEFORE") == 0) die();
  if (strcmp(action, "KILL-AFTER") == 0) return 1;
  return strcmp(action, "ENOSPC") == 0 ? ENOSPC : strcmp(action, "EROFS") == 0 ? EROFS : EIO;
}

#define WRAP(type, name, parameters, arguments, is_counted)              \
  type name parameters {                                                 \
    static type(*real) parameters;                                       \
    if (real == NULL) real = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
    int found = fault(#name, is_counted);                                \
    if (found > 1) {                                                     \
      errno = found;                                                     \
      return -1;                                                         \
    }                                                                    \
    type result = real arguments;                                        \
    if (found == 1) die();                                               \
    return result;                                                       \
  }

#define WRAP_OPEN(name)                                                       \
  int name(const char *path, int flags, ...) {                                \
    static int (*real)(const char *, int, ...);                               \
    if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list rest;                                                             \
    va_start(rest, flags);                                                    \
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;         \
    va_end(rest);                                                             \
    int found = fault("open", is_counted_path(path));                         \
    if (found > 1) {                                                          \
      errno = found;                                                          \
      return -1;                                                              \
    }                                                                         \
    int result = real(path, flags, mode);                                     \
    if (found == 1) die();                                                    \
    return result;                                                            \
  }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), is_counted_path(path))
WRAP(int, rmdir, (const char *path), (path), is_counted_path(path))
WRAP(int, unlink, (const char *path), (path), is_counted_path(path))
WRAP(int, rename, (const char *from, const char *to), (from, to), is_counted_path(to))
WRAP(int, fsync, (int file), (file), is_counted_handle(file))
WRAP(int, fdatasync, (int file), (file), is_counted_handle(file))
WRAP(int, fchmod, (int file, mode_t mode), (file, mode), is_counted_handle(file))
WRAP(int, ftruncate64, (int file, off64_t length), (file, length), is_counted_handle(file))
WRAP(ssize_t, write, (int file, const void *from, size_t count), (file, from, count), is_counted_handle(file))
WRAP(ssize_t, pwrite64, (int file, const void *from, size_t count, off64_t at), (file, from, count, at), is_counted_handle(file))
WRAP(ssize_t, read, (int file, void *to, size_t count), (file, to, count), is_counted_handle(file))
WRAP(ssize_t, pread64, (int file, void *to, size_t count, off64_t at), (file, to, count, at), is_counted_handle(file))
