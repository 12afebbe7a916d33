// The one function of libatomic.so.1 that the pinned Node (26.10.0) imports, for Linux machines that lack the library: official
// Node binaries are linked with it since 25 (nodejs/node#60484), and minimal Debian, Ubuntu and Fedora images do not have it.
// scripts/node.mjs puts it on the library path only where the pinned Node cannot start without it. No libc, no other import.
//
//   printf 'LIBATOMIC_1.0 { global: __atomic_compare_exchange; local: *; };' > exports.map
//   x86_64-linux-gnu-gcc  -O2 -fPIC -shared -nostdlib -s -Wl,-soname,libatomic.so.1 -Wl,--version-script,exports.map
//     -Wl,--build-id=none -o linux-x64/libatomic.so.1 libatomic.c
//   aarch64-linux-gnu-gcc (the same, with -mno-outline-atomics) -o linux-arm64/libatomic.so.1 libatomic.c
//
// Built with GCC 12.2.0 of Debian 12.
typedef unsigned long size;
typedef unsigned char byte;

static byte lock;

// Of any size or alignment: one lock for all, which is right because no other function of the library can touch the object.
static int locked(size n, volatile byte *object, byte *expected, const byte *desired) {
  int same = 1;
  while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE));
  for (size i = 0; i < n; i++) same &= object[i] == expected[i];
  if (same) for (size i = 0; i < n; i++) object[i] = desired[i];
  else for (size i = 0; i < n; i++) expected[i] = object[i];
  __atomic_clear(&lock, __ATOMIC_RELEASE);
  return same;
}

static int sixteen(void *object, void *expected, void *desired) {
  unsigned long *want = expected, *next = desired;
#if defined(__x86_64__)
  byte same;
  unsigned long low = want[0], high = want[1];
  __asm__ volatile("lock cmpxchg16b %1" : "=@ccz"(same), "+m"(*(unsigned __int128 *)object), "+a"(low), "+d"(high)
                   : "b"(next[0]), "c"(next[1]) : "memory");
  if (!same) want[0] = low, want[1] = high;
  return same;
#elif defined(__aarch64__)
  unsigned long low, high;
  unsigned failed;
  do {
    __asm__ volatile("ldaxp %0, %1, %2" : "=r"(low), "=r"(high) : "Q"(*(unsigned __int128 *)object) : "memory");
    int same = low == want[0] && high == want[1];
    // A pair was read as one only if storing it succeeds: the same value is stored where it differs.
    unsigned long put_low = same ? next[0] : low, put_high = same ? next[1] : high;
    __asm__ volatile("stlxp %w0, %2, %3, %1" : "=&r"(failed), "=Q"(*(unsigned __int128 *)object)
                     : "r"(put_low), "r"(put_high) : "memory");
    if (!failed && !same) {
      want[0] = low, want[1] = high;
      return 0;
    }
  } while (failed);
  return 1;
#else
#error "Only x86_64 and aarch64 are built."
#endif
}

#define CASE(n, type) \
  case n: return __atomic_compare_exchange((type *)object, (type *)expected, (type *)desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

_Bool coppice_compare_exchange(size n, void *object, void *expected, void *desired, int success, int failure)
    __asm__("__atomic_compare_exchange");

// The orders are taken as sequentially consistent, the strictest.
_Bool coppice_compare_exchange(size n, void *object, void *expected, void *desired, int success, int failure) {
  (void)success, (void)failure;
  if (n && n <= 16 && (size)object % n == 0) switch (n) {
    CASE(1, unsigned char);
    CASE(2, unsigned short);
    CASE(4, unsigned int);
    CASE(8, unsigned long);
    case 16: return sixteen(object, expected, desired);
  }
  return locked(n, object, expected, desired);
}
